#pragma once

#include "core/quant/method_registry.h"

#include <QString>

namespace qs::views {

/// Everything about a method, as HTML.
QString methodPage(const MethodInfo &info, const ParameterSchema &schema);

} // namespace qs::views
