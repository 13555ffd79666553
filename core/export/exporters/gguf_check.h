#pragma once

#include "core/session/run.h"

#include <filesystem>

namespace qs {

/// Opens a GGUF file that was just written, as any reader would, and runs it beside the model of the run with
/// the same weights: their outputs agree to 1e-3 of the largest, or what the file says about the network is
/// wrong.
/// \param positions  that the model was made for
/// \error CorruptFile  it cannot be opened, has other layers, or computes something else;  Cancelled
/// \error OutOfMemory  both do not fit into memory at once
Status checkGguf(const Run &run, const std::filesystem::path &written, std::int64_t positions,
                 const RunContext &ctx);

} // namespace qs
