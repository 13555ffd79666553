#pragma once

#include "core/exec/reference/sliding_window.h"

namespace qs {

/// [N, C, spatial…] of what a pooling with these attributes turned into x.
/// \error InvalidArgument  they do not fit
Result<Shape> unpooledShape(const Shape &x, const WindowAttributes &window);

} // namespace qs
