#pragma once

#include "core/exec/calibration_cost.h"
#include "core/exec/capture.h"

namespace qs {

enum class StatisticsOf;
struct CaptureMemory;

/// What a job wants calibration to learn.
struct CaptureRequest {
    std::shared_ptr<const Executor> executor;
    std::shared_ptr<const CalibrationSet> set;
    CaptureOptions options;                   ///< hessians: of all layers that the job will ask for
    std::shared_ptr<const Capture> earlier{}; ///< reused as far as it goes; may be null
};

/// What calibration learned, for a job that goes through the layers of a model: all of it held at once, or,
/// where CaptureOptions::memoryLimit does not allow all Hessians, made for one group of layers after the
/// other, for which the calibration set runs through the front of the model once a group. Whoever asks cannot
/// tell: every sum sees the same rows in the same order, so the bits are the same.
/// \thread one caller at a time
class CaptureSource {
public:
    /// Runs the calibration set, unless `earlier` has everything.
    /// \error OutOfMemory  the activations, the statistics and the Hessian of one layer exceed the limit;
    ///                     says what each needs
    /// \error Cancelled; whatever executor or set report
    static Result<std::shared_ptr<CaptureSource>> open(CaptureRequest request, FindingList &findings,
                                                       const RunContext &ctx);

    /// What is held for good: the statistics of all layers, and their Hessians unless they come in groups.
    const std::shared_ptr<const Capture> &capture() const { return m_capture; }
    /// The statistics of a layer with the Hessians that were asked for; null when the layer has none. Asking
    /// in the order of the layers makes each group once. \error Cancelled; whatever executor or set report
    Result<std::shared_ptr<const LayerCapture>> layer(LayerId id, FindingList &findings,
                                                      const RunContext &ctx);
    const CalibrationCost &cost() const { return m_cost; } ///< so far

private:
    using Wishes = std::set<HessianWish>;
    explicit CaptureSource(CaptureRequest request);
    Status start(FindingList &findings, const RunContext &ctx);
    Status runAtOnce(FindingList &findings, const RunContext &ctx);
    Status makeGroups(const CaptureMemory &others);
    Status startGroups(FindingList &findings, const RunContext &ctx);
    /// \param statistics  AllLayers: also fills m_capture
    Status runGroup(std::size_t group, StatisticsOf statistics, FindingList &findings, const RunContext &ctx);

    std::shared_ptr<const Executor> m_executor;
    std::shared_ptr<const CalibrationSet> m_set;
    CaptureOptions m_options;
    std::shared_ptr<const Capture> m_earlier; ///< until it is known what is of use
    std::shared_ptr<const Capture> m_capture;
    CalibrationCost m_cost;
    std::vector<Wishes> m_groups; ///< empty: m_capture has everything
    std::map<LayerId, std::size_t> m_groupOf;
    std::set<ValueId> m_tapped; ///< by any of the passes, beside what enters layers
    std::int64_t m_activationBytes = 0, m_statisticsBytes = 0;
    std::size_t m_current = std::size_t(-1);
    std::vector<std::shared_ptr<const LayerCapture>> m_hessians; ///< of the current group, by LayerId
};

} // namespace qs
