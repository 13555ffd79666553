#pragma once

#include "core/base/run_context.h"
#include "core/graph/model.h"

namespace qs {

/// Looks at every floating-point constant once and reports what quantization will stumble over: NaN and
/// infinite values (a warning with tensor, count and place of the first) and output channels of layers that
/// are zero throughout (an info with layer and count). \error Cancelled
Status inspectWeights(const Model &model, FindingList &findings, const RunContext &ctx);

} // namespace qs
