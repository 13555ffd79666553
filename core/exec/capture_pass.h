#pragma once

#include "core/exec/activation_accumulator.h"
#include "core/exec/capture.h"

#include <optional>

namespace qs {

class CalibrationSet;
struct SampleBatches;

/// Which layers a pass gathers statistics for.
enum class StatisticsOf { AllLayers, NoLayer };

/// Folds the values that flow through a model into captures of its layers, while captureActivations() or
/// CaptureSource run it. Every pass of a calibration taps the same values, whatever it gathers, so that the
/// same nodes are fused and the same bits come out.
class CapturePass {
public:
    CapturePass(const Model &model, const CaptureOptions &options, StatisticsOf statistics,
                FindingList &findings);

    /// Values that other passes of the same calibration look at.
    void alsoTap(std::set<ValueId> values) { m_otherValues = std::move(values); }
    /// Taps for every site. The first failure inside a tap is kept for status().
    PassOptions passOptions(const RunContext &ctx);
    void startBatch(const std::vector<Tensor> &inputs, std::int64_t samples);
    Status status() const { return m_status; }
    /// The node behind the last one that this pass learns anything from.
    NodeId end() const;
    /// What the layers' statistics and sums hold now; weighted Hessians as planned.
    std::int64_t bytes() const;
    /// The most that is held while finish() runs, what it hands out included.
    std::int64_t bytesWhileFinishing() const;
    /// Frees every sum once its layers have their Hessian. Layers without statistics and Hessian are null.
    std::vector<std::shared_ptr<const LayerCapture>> finish();

private:
    /// What is collected at one value: layers that read the same activation share it.
    struct Site {
        ValueId value = kNoValue;
        bool channelsFirst = false;
        std::vector<LayerId> layers;
        ActivationAccumulator accumulator{false, 0};
    };
    struct Shared {
        ValueId value;
        std::optional<HessianAccumulator> accumulator; ///< empty once the result is there
        std::int64_t bytes = 0;
        Tensor result;
    };
    void addLayer(const Layer &layer);
    void addHessian(const Layer &layer);
    Status collect(Site &site, const Tensor &value, const RunContext &ctx);
    Status collectWeighted(ValueId id, const Tensor &value, const RunContext &ctx);
    /// Language models are told which tokens are padding by an input of this name.
    std::vector<std::uint8_t> visibleTokens(const std::vector<Tensor> &inputs) const;
    Tensor hessian(std::size_t index);
    void reportNonFinite(const LayerCapture &capture);

    const Model &m_model;
    const CaptureOptions &m_options;
    StatisticsOf m_statistics;
    FindingList &m_findings;
    std::vector<Site> m_sites;
    std::vector<Shared> m_hessians;
    std::map<LayerId, std::size_t> m_hessianOfLayer;
    WeightedHessians m_weighted;
    std::set<ValueId> m_otherValues;
    Status m_status;
};

/// What runCapturePass() runs, and what is shown meanwhile.
struct CapturePassRun {
    const Executor &executor;
    const CalibrationSet &set;
    const CaptureOptions &options;
    std::int64_t otherBytes = 0; ///< held beside the pass
    std::string stage;
};
/// Runs the batches of the set through the model as far as the pass needs.
/// \return the most bytes that were held: otherBytes and those of the pass, after any batch
Result<std::int64_t> runCapturePass(CapturePass &pass, const CapturePassRun &run, const RunContext &ctx);

/// How the samples that a calibration uses go through the model.
SampleBatches captureBatches(const Model &model, const CalibrationSet &set, const CaptureOptions &options);

/// Bytes of one Hessian of a layer: float64 [groups, cols, cols].
std::int64_t hessianBytes(const Layer &layer);
/// Bytes of the sums of these wishes: layers that read the same activation share one.
std::int64_t hessianBytes(const Model &model, const std::set<HessianWish> &wishes);

} // namespace qs
