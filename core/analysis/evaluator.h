#pragma once

#include "core/analysis/layer_measure.h"
#include "core/io/calibration_set.h"
#include "core/metrics/output_metrics.h"

namespace qs {

/// What quantizing one layer alone does.
struct AloneMetrics {
    ErrorMetrics layerOutput; ///< the layer's own output, fed by the float network
    OutputMetrics network;    ///< the model's output
};

/// A set on which changed models are compared with the float model, cut to what fits the budget. The float
/// model's outputs are computed once and kept.
class Evaluator {
public:
    /// NaN among the float model's outputs is a finding.
    /// \param maxSamples 0 = the whole set
    /// \error what the executor and the set report;  Cancelled
    static Result<std::shared_ptr<const Evaluator>> create(std::shared_ptr<const Executor> executor,
                                                           std::shared_ptr<const CalibrationSet> set,
                                                           std::int64_t maxSamples, FindingList &findings,
                                                           const RunContext &ctx);
    ~Evaluator();
    const Model &model() const;
    std::int64_t samples() const;
    /// Metrics of the float model against itself: the baseline of task metrics.
    const OutputMetrics &baseline() const;

    /// Runs the set with these layers quantized, everything else in float. \thread safe
    Result<OutputMetrics> evaluate(std::span<const QuantizedLayer> layers, const RunContext &ctx) const;

    /// Runs the set through another model, for example an exported one, and compares with this one's outputs
    /// in float.
    /// \error InvalidArgument  the number or shapes of the outputs differ
    /// \error what the other executor reports about inputs
    /// \thread safe
    Result<OutputMetrics> evaluateModel(const Executor &other, const RunContext &ctx) const;

    /// For each variant, metrics with only that one layer replaced; all variants belong to one layer. The
    /// float network before the layer is run once for all variants, and not again when the next call is for a
    /// later layer. \thread safe (serialised)
    Result<std::vector<AloneMetrics>> evaluateAlone(std::span<const QuantizedLayer> variants,
                                                    const RunContext &ctx) const;

private:
    struct Impl;
    explicit Evaluator(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> m_impl;
};

} // namespace qs
