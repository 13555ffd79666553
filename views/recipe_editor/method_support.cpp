#include "views/recipe_editor/method_support.h"

#include <QCoreApplication>
#include <map>

namespace qs::views {
namespace {

QString tr(const char *text) {
    return QCoreApplication::translate("qs::views::MethodSupport", text);
}

/// All that a method may judge a layer by while its weights are not read.
struct WeightSize {
    std::int64_t rows, cols, groups;
    LayerKind kind;
    auto operator<=>(const WeightSize &) const = default;
};

/// A choice whose methods were found, with complete parameters.
struct FoundChoice {
    const WeightChoice &choice;
    std::shared_ptr<const Quantizer> quantizer;
    std::shared_ptr<const BranchMethod> branch; ///< null when none is chosen
    nlohmann::json parameters, branchParameters;
};

QString missing(const std::string &id) {
    return tr("there is no method '%1'; is its plugin missing?").arg(QString::fromStdString(id));
}

/// Why the choice fits no layer at all; empty when it may.
QString find(const MethodRegistry &methods, FoundChoice &found) {
    const WeightChoice &choice = found.choice;
    found.quantizer = methods.find(choice.method);
    if (!found.quantizer)
        return missing(choice.method);
    auto parameters = found.quantizer->schema().complete(choice.parameters);
    if (!parameters)
        return QString::fromStdString(parameters.error().text());
    found.parameters = std::move(*parameters);
    if (!choice.branch)
        return {};
    found.branch = methods.findBranch(choice.branch->method);
    if (!found.branch)
        return missing(choice.branch->method);
    parameters = found.branch->schema().complete(choice.branch->parameters);
    if (!parameters)
        return QString::fromStdString(parameters.error().text());
    found.branchParameters = std::move(*parameters);
    return {};
}

QString branchRefusal(const FoundChoice &found, const WeightSize &size) {
    if (size.groups > 1)
        return tr("a convolution with groups has no one weight matrix to split");
    if (size.kind == LayerKind::Embedding)
        return tr("an embedding is looked up, not multiplied: it has no branch");
    BranchRequest request;
    request.weights = {nullptr, size.rows, size.cols};
    request.scheme = found.choice.scheme;
    request.parameters = found.branchParameters;
    const Support support = found.branch->supports(request);
    return support.yes ? QString() : QString::fromStdString(support.reason);
}

QString refusal(const FoundChoice &found, const WeightSize &size) {
    QuantizeRequest request;
    request.weights = {nullptr, size.rows, size.cols};
    request.groups = size.groups;
    request.scheme = found.choice.scheme;
    request.parameters = found.parameters;
    if (const Support support = found.quantizer->supports(request); !support.yes)
        return QString::fromStdString(support.reason);
    return found.branch ? branchRefusal(found, size) : QString();
}

} // namespace

MethodSupport methodSupport(const WeightChoice &choice, const MethodRegistry &methods,
                            const std::vector<const Layer *> &layers) {
    const int count = std::max(1, static_cast<int>(layers.size()));
    FoundChoice found{choice, {}, {}, {}, {}};
    if (const QString reason = find(methods, found); !reason.isEmpty())
        return {count, count, reason};
    if (layers.empty()) {
        const QString reason = refusal(found, {256, 256, 1, LayerKind::Linear});
        return {1, reason.isEmpty() ? 0 : 1, reason};
    }
    MethodSupport support{count, 0, {}};
    std::map<WeightSize, QString> answers; // many layers have the same size
    for (const Layer *layer : layers) {
        const WeightSize size{layer->outChannels, layer->inPerOut, layer->groups, layer->kind};
        auto [answer, isNew] = answers.try_emplace(size);
        if (isNew)
            answer->second = refusal(found, size);
        if (answer->second.isEmpty())
            continue;
        if (++support.refused == 1)
            support.reason =
                QStringLiteral("%1: %2").arg(QString::fromStdString(layer->name), answer->second);
    }
    return support;
}

} // namespace qs::views
