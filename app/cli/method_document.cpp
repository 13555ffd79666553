#include "app/cli/method_document.h"

#include "core/quant/method_taxonomy.h"

namespace qs::app {
namespace {

using Json = nlohmann::ordered_json;

Json parameterDocument(const Parameter &parameter) {
    Json document = {{"name", parameter.name},
                     {"title", parameter.title},
                     {"description", parameter.description},
                     {"default", parameter.defaultValue}};
    const bool number =
        parameter.type == Parameter::Type::Integer || parameter.type == Parameter::Type::Number;
    if (number)
        document["minimum"] = parameter.minimum;
    if (number)
        document["maximum"] = parameter.maximum;
    if (!parameter.choices.empty())
        document["choices"] = parameter.choices;
    return document;
}

} // namespace

Json methodDocument(const MethodInfo &info, const ParameterSchema &schema) {
    const Taxonomy taxonomy = taxonomyOf(info.tags);
    Json document = {{"id", info.id},
                     {"name", info.name},
                     {"kind", methodKindName(info.kind)},
                     {"summary", info.summary},
                     {"paper", info.paper},
                     {"tags", info.tags},
                     {"changes", taxonomy.changes},
                     {"principle", taxonomy.principles},
                     {"scope", taxonomy.scopes},
                     {"version", info.version},
                     {"origin", info.origin},
                     {"status", methodStatusName(info.status)},
                     {"needs_hessian", info.needsHessian},
                     {"needs_inputs", info.needsInputs},
                     {"cost", info.cost},
                     {"parameters", Json::array()}};
    for (const Parameter &parameter : schema.parameters())
        document["parameters"].push_back(parameterDocument(parameter));
    return document;
}

} // namespace qs::app
