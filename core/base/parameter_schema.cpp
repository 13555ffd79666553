#include "core/base/parameter_schema.h"

#include <algorithm>
#include <fmt/format.h>
#include <limits>

namespace qs {
namespace {

using Json = nlohmann::json;

Result<Parameter::Type> typeOf(const Json &property) {
    const std::string type = property.value("type", "");
    if (type == "boolean")
        return Parameter::Type::Boolean;
    if (type == "integer")
        return Parameter::Type::Integer;
    if (type == "number")
        return Parameter::Type::Number;
    if (type == "string" && property.contains("enum"))
        return Parameter::Type::Choice;
    return fail(ErrorCode::InvalidArgument,
                fmt::format("type '{}' is not one of boolean, integer, number, string with enum", type));
}

Status checkValue(const Parameter &parameter, const Json &value) {
    auto wrong = [&](const std::string &allowed) {
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("parameter '{}' is {}; allowed: {}", parameter.name, value.dump(), allowed));
    };
    switch (parameter.type) {
    case Parameter::Type::Boolean:
        if (!value.is_boolean())
            return wrong("true or false");
        return {};
    case Parameter::Type::Integer:
        if (!value.is_number_integer())
            return wrong("a whole number");
        break;
    case Parameter::Type::Number:
        if (!value.is_number())
            return wrong("a number");
        break;
    case Parameter::Type::Choice:
        if (!value.is_string() || std::find(parameter.choices.begin(), parameter.choices.end(),
                                            value.get<std::string>()) == parameter.choices.end())
            return wrong(fmt::format("one of {}", fmt::join(parameter.choices, ", ")));
        return {};
    }
    const double number = value.get<double>();
    if (!(number >= parameter.minimum && number <= parameter.maximum))
        return wrong(fmt::format("{} to {}", parameter.minimum, parameter.maximum));
    return {};
}

Result<Parameter> parseProperty(const std::string &name, const Json &property) {
    if (!property.is_object() || !property.contains("default"))
        return fail(ErrorCode::InvalidArgument, "needs an object with a default", name);
    auto type = typeOf(property);
    if (!type)
        return fail(std::move(type).error().withContext(name));
    Parameter parameter;
    parameter.name = name;
    parameter.type = *type;
    parameter.title = property.value("title", name);
    parameter.description = property.value("description", "");
    parameter.defaultValue = property["default"];
    parameter.minimum = property.value("minimum", std::numeric_limits<double>::lowest());
    parameter.maximum = property.value("maximum", std::numeric_limits<double>::max());
    if (*type == Parameter::Type::Choice)
        parameter.choices = property["enum"].get<std::vector<std::string>>();
    QS_CHECK_OK(checkValue(parameter, parameter.defaultValue));
    return parameter;
}

} // namespace

Result<ParameterSchema> ParameterSchema::parse(const std::string &jsonSchema) {
    ParameterSchema schema;
    try {
        // Ordered, so that the form shows the parameters in the order in which the author wrote them.
        const auto root = nlohmann::ordered_json::parse(jsonSchema);
        if (!root.is_object() || !root.contains("properties"))
            return fail(ErrorCode::InvalidArgument, "parameter schema needs an object with 'properties'");
        for (const auto &[name, property] : root["properties"].items()) {
            QS_TRY(Parameter parameter, parseProperty(name, Json(property)));
            schema.m_parameters.push_back(std::move(parameter));
        }
    } catch (const nlohmann::json::exception &error) {
        return fail(ErrorCode::InvalidArgument, fmt::format("parameter schema: {}", error.what()));
    }
    return schema;
}

Json ParameterSchema::defaults() const {
    Json values = Json::object();
    for (const Parameter &parameter : m_parameters)
        values[parameter.name] = parameter.defaultValue;
    return values;
}

Result<Json> ParameterSchema::complete(const Json &values) const {
    Json completed = defaults();
    if (values.is_null())
        return completed;
    if (!values.is_object())
        return fail(ErrorCode::InvalidArgument, "parameters must be a JSON object");
    for (const auto &entry : values.items()) {
        const std::string &name = entry.key(); // clang 14 lets lambdas take no structured binding
        auto known = std::find_if(m_parameters.begin(), m_parameters.end(),
                                  [&](const Parameter &parameter) { return parameter.name == name; });
        if (known == m_parameters.end())
            return fail(ErrorCode::InvalidArgument, fmt::format("there is no parameter '{}'", name));
        QS_CHECK_OK(checkValue(*known, entry.value()));
        completed[name] = entry.value();
    }
    return completed;
}

} // namespace qs
