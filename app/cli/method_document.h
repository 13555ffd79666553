#pragma once

#include "core/quant/method_registry.h"

namespace qs::app {

/// A method with its parameters, for machines.
nlohmann::ordered_json methodDocument(const MethodInfo &info, const ParameterSchema &schema);

} // namespace qs::app
