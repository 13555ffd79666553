#include "app/cli/method_options.h"

#include <fmt/format.h>

namespace qs::app {
namespace {

/// Block methods stand where quantizers stand.
bool standsFor(MethodKind kind, MethodKind wanted) {
    return kind == wanted || (wanted == MethodKind::Quantizer && kind == MethodKind::Block);
}

/// The method exists, is of that kind and takes its parameters.
Status checkMethod(const MethodChoice &choice, MethodKind kind, const MethodRegistry &methods,
                   const std::string &where) {
    std::string known;
    for (const MethodInfo *info : methods.infos())
        if (standsFor(info->kind, kind))
            known += (known.empty() ? "" : ", ") + info->id;
    const MethodInfo *info = methods.info(choice.method);
    if (!info || !standsFor(info->kind, kind))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("there is no {} '{}'. There are: {}.",
                                kind == MethodKind::Quantizer ? "method" : methodKindName(kind),
                                choice.method, known.empty() ? "none" : known),
                    where + "method");
    if (const auto completed = methods.schema(choice.method)->complete(choice.parameters); !completed)
        return fail(completed.error().withContext(where + "parameters"));
    return {};
}

} // namespace

Status checkMethods(const Recipe &recipe, const MethodRegistry &methods) {
    for (std::size_t i = 0; i < recipe.transforms.size(); ++i)
        QS_CHECK_OK(checkMethod(recipe.transforms[i].method, MethodKind::Transform, methods,
                                fmt::format("transforms[{}].", i)));
    for (std::size_t i = 0; i < recipe.rules.size(); ++i) {
        const auto &weight = recipe.rules[i].choice.weight;
        if (!weight)
            continue;
        const std::string where = fmt::format("rules[{}].weight.", i);
        QS_CHECK_OK(checkMethod({weight->method, weight->parameters}, MethodKind::Quantizer, methods, where));
        if (weight->branch)
            QS_CHECK_OK(checkMethod(*weight->branch, MethodKind::Branch, methods, where + "branch."));
    }
    return {};
}

Result<nlohmann::json> keyValueObject(const std::vector<std::string> &pairs) {
    nlohmann::json object = nlohmann::json::object();
    for (const std::string &pair : pairs) {
        const std::size_t equals = pair.find('=');
        if (equals == std::string::npos || equals == 0)
            return fail(ErrorCode::InvalidArgument, fmt::format("'{}' is not of the form key=value", pair));
        const std::string text = pair.substr(equals + 1);
        const nlohmann::json value = nlohmann::json::parse(text, nullptr, false);
        object[pair.substr(0, equals)] = value.is_discarded() ? nlohmann::json(text) : value;
    }
    return object;
}

Result<MethodChoice> methodChoice(const std::string &text) {
    const std::size_t colon = text.find(':');
    MethodChoice choice{text.substr(0, colon)};
    std::vector<std::string> pairs;
    for (std::size_t begin = colon; begin != std::string::npos;) {
        const std::size_t end = text.find(',', begin + 1);
        pairs.push_back(text.substr(begin + 1, end == std::string::npos ? end : end - begin - 1));
        begin = end;
    }
    auto parameters = keyValueObject(pairs);
    if (!parameters)
        return fail(std::move(parameters).error().withContext(text));
    choice.parameters = std::move(*parameters);
    return choice;
}

} // namespace qs::app
