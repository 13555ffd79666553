#pragma once

#include "core/hardware/workload.h"
#include "core/session/run.h"

namespace qs {

/// Widths as a run made them: effective bits of every quantized layer, `floatBits` for what stayed in float
/// or is not there yet. Activations as recipePlan().
PrecisionPlan runPlan(std::shared_ptr<const Run> run, double floatBits);

} // namespace qs
