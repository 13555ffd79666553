#pragma once

#include "core/analysis/evaluator.h"
#include "core/session/run.h"

namespace qs {

/// What a block method made of a layer before its turn.
struct ReadyLayer {
    std::shared_ptr<const QuantizedMatrix> weight;
    std::optional<ScaleZero> activation; ///< with the learned step; absent: as the recipe says
    double seconds = 0;                  ///< its share of the time for the block
};

/// One layer of a run.
struct LayerRequest {
    std::shared_ptr<const Model> model;
    LayerId layer = kNoLayer;
    LayerChoice choice;
    std::shared_ptr<const LayerCapture> capture; ///< may be null
    std::shared_ptr<const MethodRegistry> methods;
    std::uint64_t seed = 0;
    std::shared_ptr<const Evaluator> evaluator;  ///< measures the layer alone in the network; may be null
    std::optional<ValueRange> activationRange{}; ///< that a transform decided
    std::optional<ReadyLayer> ready{};           ///< takes the place of the method
};

/// Quantizes one layer and measures it as a run does. A method that fails leaves the layer in float, with a
/// finding.
/// \error Cancelled; what the evaluator reports
/// \thread pure
Result<std::shared_ptr<const LayerResult>> runLayer(const LayerRequest &request, FindingList &findings,
                                                    const RunContext &ctx);

/// What measures a run: all layers together, and each alone. Null where nothing runs.
struct RunEvaluators {
    std::shared_ptr<const Evaluator> total, alone;
};
/// On the evaluation set of the request, else on its calibration set. Writes the baseline and the number of
/// samples into the run. \param executor  of what is measured; may be null
/// \error Cancelled; what running the float network reports
Result<RunEvaluators> makeEvaluators(const RunRequest &request,
                                     const std::shared_ptr<const Executor> &executor, Run &run,
                                     FindingList &findings, const RunContext &ctx);

/// Fills in the bits of a quantized layer, the error of its weight, and what it does to the network.
/// \param evaluator  null: nothing runs  \error Cancelled; what the evaluator reports
Status measureLayer(const Model &model, const Evaluator *evaluator, LayerResult &result,
                    const RunContext &ctx);

} // namespace qs
