#pragma once

#include "core/exec/capture.h"
#include "core/io/calibration_set.h"
#include "core/metrics/output_metrics.h"
#include "core/quant/recipe.h"

namespace qs {

/// A layer as it is run: the quantized weight and the activation grid, either absent.
struct QuantizedLayer {
    LayerId layer = kNoLayer;
    std::shared_ptr<const QuantizedMatrix> weight;
    std::optional<ScaleZero> activation;
    std::optional<GridScheme> activationScheme;
};

/// Substitutions that make the executor run these layers quantized (fake quantization: values, not codes).
/// \error Unsupported  weight cannot be laid out
Result<PassOptions> substitutions(const Model &model, std::span<const QuantizedLayer> layers);

/// Fake quantization of a float32 activation: dequantize(quantize(x)).
Tensor fakeQuantize(const Tensor &values, ScaleZero grid, const GridScheme &scheme);

/// A set on which models are compared, cut to what fits the budget. Float outputs are computed once and kept.
class Evaluator {
public:
    /// \param maxSamples 0 = the whole set
    static Result<std::shared_ptr<const Evaluator>> create(std::shared_ptr<const Executor> executor,
                                                           std::shared_ptr<const CalibrationSet> set,
                                                           std::int64_t maxSamples, std::int64_t batchSize,
                                                           const RunContext &ctx);
    ~Evaluator();
    std::int64_t samples() const;
    /// Metrics of the float model against itself: the baseline of task metrics.
    const OutputMetrics &baseline() const;
    /// Runs the set with these layers quantized, everything else in float.
    Result<OutputMetrics> evaluate(std::span<const QuantizedLayer> layers, const RunContext &ctx) const;

    /// For each variant, metrics with only that one layer replaced. All variants must belong to one layer. The part of
    /// the network before the layer is run once per batch, not once per variant.
    Result<std::vector<OutputMetrics>> evaluateAlone(std::span<const QuantizedLayer> variants,
                                                     const RunContext &ctx) const;

private:
    struct Impl;
    explicit Evaluator(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> m_impl;
};

} // namespace qs
