#pragma once

#include "core/base/result.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace qs {

/// One parameter of a method or exporter, enough to build a form and to check a value.
struct Parameter {
    enum class Type { Boolean, Integer, Number, Choice };
    std::string name;
    Type type = Type::Number;
    std::string title;
    std::string description;
    nlohmann::json defaultValue;
    double minimum = 0;               ///< Integer, Number
    double maximum = 0;               ///< Integer, Number
    std::vector<std::string> choices; ///< Choice
};

/// The subset of JSON Schema in which plugins declare parameters: an object whose properties are boolean,
/// integer, number (both with "minimum", "maximum") or string with "enum"; each with "default".
class ParameterSchema {
public:
    ParameterSchema() = default;

    /// \error InvalidArgument  not JSON, or outside the subset; names the property
    static Result<ParameterSchema> parse(const std::string &jsonSchema);

    const std::vector<Parameter> &parameters() const { return m_parameters; }
    nlohmann::json defaults() const;

    /// Fills in defaults and checks types, limits and unknown names.
    /// \error InvalidArgument  names the parameter, the value and what is allowed
    Result<nlohmann::json> complete(const nlohmann::json &values) const;

private:
    std::vector<Parameter> m_parameters;
};

} // namespace qs
