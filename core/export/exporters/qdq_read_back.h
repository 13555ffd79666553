#pragma once

#include "core/session/run.h"

namespace qs {

/// Opens a written file with the importer and compares it with the run that it was made from: every weight
/// value as ONNX defines DequantizeLinear, every activation scale, low-rank branch and bias correction. Knows
/// nothing of how the file was written. \return the largest |read back − simulated| over all weight values
/// \error CorruptFile  the file cannot be opened, a layer is missing, or a value differs by more than 1e-6 of
/// the
///                     layer's largest weight; names the layer.  Cancelled
Result<double> compareWithRun(const Run &run, const std::filesystem::path &written, const RunContext &ctx);

} // namespace qs
