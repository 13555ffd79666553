#pragma once

#include "core/exec/capture.h"

namespace qs {

/// Hessians made for one group of layers after the other, so that no more of them exist at once than
/// CaptureOptions::memoryLimit allows: the calibration set runs through the front of the model once for each
/// group. Every sum sees the same rows in the same order as in one pass for all, so the bits are the same.
/// \thread one caller at a time
class GroupedCapture {
public:
    /// \param options     hessians: of all layers;  memoryLimit > 0
    /// \param statistics  of all layers on the same set and samples
    /// \error OutOfMemory  the activations, the statistics and the Hessian of one layer exceed the limit;
    /// says
    ///                     what each needs
    static Result<std::unique_ptr<GroupedCapture>>
    create(std::shared_ptr<const Executor> executor, std::shared_ptr<const CalibrationSet> set,
           CaptureOptions options, std::shared_ptr<const Capture> statistics, const RunContext &ctx);

    std::size_t groups() const { return m_groups.size(); }
    std::int64_t peakBytes() const { return m_peakBytes; } ///< so far
    /// The statistics of the layer with its Hessians; null when the layer has none. Asking in the order of
    /// the layers makes each group once. \error Cancelled; whatever executor or set report
    Result<std::shared_ptr<const LayerCapture>> layer(LayerId id, FindingList &findings,
                                                      const RunContext &ctx);

private:
    using Wishes = std::set<HessianWish>;
    GroupedCapture() = default;
    Status makeGroups(std::int64_t room);
    Status runGroup(std::size_t group, FindingList &findings, const RunContext &ctx);

    std::shared_ptr<const Executor> m_executor;
    std::shared_ptr<const CalibrationSet> m_set;
    CaptureOptions m_options;
    std::shared_ptr<const Capture> m_statistics;
    std::vector<Wishes> m_groups;
    std::map<LayerId, std::size_t> m_groupOf;
    std::int64_t m_activationBytes = 0, m_statisticsBytes = 0, m_peakBytes = 0;
    std::size_t m_current = std::size_t(-1);
    std::vector<std::shared_ptr<const LayerCapture>> m_hessians; ///< of the current group, by LayerId
};

} // namespace qs
