#pragma once

#include "core/session/run.h"

namespace qs {

/// What the recipe of such a run has as method: nothing chose the codes here, and nothing can make them
/// again.
inline constexpr const char *kStoredMethod = "file";

/// The quantization that a model's file holds, as a finished run of that model: codes, scales, activation
/// grids, bits. It has no errors: the float weights that the codes came from are not in the file
/// (Run::hasOriginal()). nullptr when the file holds none.
std::shared_ptr<const Run> storedRun(std::shared_ptr<const Model> model);

/// The quantization that another file holds, as a run of the open float model, and measured like one: every
/// layer against its float weight, in the network where there are data, all together. Layers go by their
/// names; what is left over by kind and size, in the order of the graphs. \param request    model, executor,
/// calibration, evaluation and what is said about them; no recipe \param findings   told which layers have no
/// partner, and which look as if they had a wrong one \error InvalidArgument  the file holds no quantization,
/// or none of its layers is one of the model;  Cancelled
Result<std::shared_ptr<const Run>> readStoredRun(const RunRequest &request, const Model &quantized,
                                                 const RunObserver &observer, FindingList &findings,
                                                 const RunContext &ctx);

} // namespace qs
