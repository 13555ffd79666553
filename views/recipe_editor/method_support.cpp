#include "views/recipe_editor/method_support.h"

#include <QCoreApplication>
#include <map>

namespace qs::views {
namespace {

struct WeightSize {
    std::int64_t rows, cols, groups;
    auto operator<=>(const WeightSize &) const = default;
};

QString refusal(const Quantizer &method, const WeightChoice &choice, const nlohmann::json &parameters,
                const WeightSize &size) {
    QuantizeRequest request;
    request.weights = {nullptr, size.rows, size.cols};
    request.groups = size.groups;
    request.scheme = choice.scheme;
    request.parameters = parameters;
    const Support support = method.supports(request);
    return support.yes ? QString() : QString::fromStdString(support.reason);
}

} // namespace

MethodSupport methodSupport(const WeightChoice &choice, const MethodRegistry &methods,
                            const std::vector<const Layer *> &layers) {
    const int count = std::max(1, static_cast<int>(layers.size()));
    const auto method = methods.find(choice.method);
    if (!method)
        return {count, count,
                QCoreApplication::translate("qs::views::MethodSupport",
                                            "there is no method '%1'; is its plugin missing?")
                    .arg(QString::fromStdString(choice.method))};
    const auto parameters = method->schema().complete(choice.parameters);
    if (!parameters)
        return {count, count, QString::fromStdString(parameters.error().text())};
    if (layers.empty()) {
        const QString reason = refusal(*method, choice, *parameters, {256, 256, 1});
        return {1, reason.isEmpty() ? 0 : 1, reason};
    }
    MethodSupport support{count, 0, {}};
    std::map<WeightSize, QString> answers; // many layers have the same size
    for (const Layer *layer : layers) {
        const WeightSize size{layer->outChannels, layer->inPerOut, layer->groups};
        auto [answer, isNew] = answers.try_emplace(size);
        if (isNew)
            answer->second = refusal(*method, choice, *parameters, size);
        if (answer->second.isEmpty())
            continue;
        if (++support.refused == 1)
            support.reason =
                QStringLiteral("%1: %2").arg(QString::fromStdString(layer->name), answer->second);
    }
    return support;
}

} // namespace qs::views
