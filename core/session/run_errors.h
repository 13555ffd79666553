#pragma once

#include "core/analysis/error_propagation.h"
#include "core/session/run.h"

namespace qs {

/// Errors of a run node by node: the quantized network against the float network that its codes stand for.
/// With transforms that is the transformed one: both sides are the same graph, so that every node is compared
/// with what it should give. Against the network as it was opened, the activations that transforms change
/// would differ by design.
struct RunErrors {
    std::shared_ptr<const ErrorPropagation> nodes;  ///< by NodeId of run.quantizedModel()
    std::shared_ptr<const ErrorPropagation> opened; ///< by NodeId of run.model; the same without transforms
    int added = 0; ///< operators of the transforms, that `opened` has no place for
    /// What is compared with what, as a sentence; empty without transforms.
    std::string note;
};

/// \param executor  of run.model
/// \param samples   of the set, from its start; 0 = all
/// \error as measureErrorPropagation;  Unsupported  the transformed model cannot run
Result<RunErrors> measureRunErrors(const Run &run, const Executor &executor, const CalibrationSet &set,
                                   std::int64_t samples, const RunContext &ctx);

} // namespace qs
