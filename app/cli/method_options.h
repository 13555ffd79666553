#pragma once

#include "core/quant/method_registry.h"
#include "core/quant/recipe.h"

namespace qs::app {

/// "key=value" pairs as a JSON object; values are JSON where they parse as such, else strings.
/// \error InvalidArgument  no '=' in a pair
Result<nlohmann::json> keyValueObject(const std::vector<std::string> &pairs);

/// "ID" or "ID:key=value,key=value", as --transform and --branch take it. Errors as above.
Result<MethodChoice> methodChoice(const std::string &text);

/// Every method of the recipe exists, is of the right kind and takes its parameters.
/// \error InvalidArgument  names the JSON path, and what there is
Status checkMethods(const Recipe &recipe, const MethodRegistry &methods);

} // namespace qs::app
