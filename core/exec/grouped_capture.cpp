#include "core/exec/grouped_capture.h"

#include "core/exec/capture_memory.h"
#include "core/exec/capture_pass.h"
#include "core/io/calibration_set.h"

#include <algorithm>
#include <fmt/format.h>

namespace qs {

Result<std::unique_ptr<GroupedCapture>> GroupedCapture::create(std::shared_ptr<const Executor> executor,
                                                               std::shared_ptr<const CalibrationSet> set,
                                                               CaptureOptions options,
                                                               std::shared_ptr<const Capture> statistics,
                                                               const RunContext &ctx) {
    auto grouped = std::unique_ptr<GroupedCapture>(new GroupedCapture);
    const Model &model = executor->model();
    QS_TRY(const auto batch, batchShapes(model, *set, options));
    CaptureOptions without = options;
    without.hessians.clear();
    QS_TRY(const CaptureMemory memory, planCaptureMemory(model, without, batch, ctx));
    grouped->m_executor = std::move(executor);
    grouped->m_set = std::move(set);
    grouped->m_options = std::move(options);
    grouped->m_statistics = std::move(statistics);
    grouped->m_activationBytes = memory.activations;
    grouped->m_statisticsBytes = memory.statistics;
    QS_CHECK_OK(grouped->makeGroups(grouped->m_options.memoryLimit - memory.total()));
    return grouped;
}

Status GroupedCapture::makeGroups(std::int64_t room) {
    const Model &model = m_executor->model();
    Wishes group;
    const auto close = [&] {
        for (const HessianWish &wish : group)
            m_groupOf[wish.layer] = m_groups.size();
        if (!group.empty())
            m_groups.push_back(std::exchange(group, {}));
    };
    // The wishes of one layer stay together.
    for (auto wish = m_options.hessians.begin(); wish != m_options.hessians.end();) {
        const LayerId layer = wish->layer;
        Wishes own;
        for (; wish != m_options.hessians.end() && wish->layer == layer; ++wish)
            own.insert(*wish);
        Wishes both = group;
        both.insert(own.begin(), own.end());
        if (!group.empty() && hessianRoom(model, both) > room) {
            close();
            both = own;
        }
        if (hessianRoom(model, both) > room)
            return fail(
                ErrorCode::OutOfMemory,
                fmt::format("its Hessian needs {} beside {} for the activations of a batch and {} for the "
                            "statistics; the limit is {}. Raise the memory limit",
                            mebibytes(hessianRoom(model, both)), mebibytes(m_activationBytes),
                            mebibytes(m_statisticsBytes), mebibytes(m_options.memoryLimit)),
                model.layers[static_cast<std::size_t>(layer)].name);
        group = std::move(both);
    }
    close();
    return {};
}

Status GroupedCapture::runGroup(std::size_t group, FindingList &findings, const RunContext &ctx) {
    m_hessians.clear(); // before others are made
    m_current = std::size_t(-1);
    CaptureOptions options = m_options;
    options.hessians = m_groups[group];
    CapturePass pass(m_executor->model(), options, StatisticsOf::NoLayer, findings);
    const CapturePassRun run{*m_executor, *m_set, options, m_activationBytes + m_statisticsBytes,
                             fmt::format("calibrating layer group {} of {}", group + 1, m_groups.size())};
    QS_TRY(const std::int64_t peak, runCapturePass(pass, run, ctx));
    m_hessians = pass.finish();
    m_peakBytes = std::max(m_peakBytes, peak);
    m_current = group;
    return {};
}

Result<std::shared_ptr<const LayerCapture>> GroupedCapture::layer(LayerId id, FindingList &findings,
                                                                  const RunContext &ctx) {
    const auto &statistics = m_statistics->layers[static_cast<std::size_t>(id)];
    const auto group = m_groupOf.find(id);
    if (group == m_groupOf.end() || !statistics)
        return statistics;
    if (group->second != m_current)
        QS_CHECK_OK(runGroup(group->second, findings, ctx));
    const auto &hessians = m_hessians[static_cast<std::size_t>(id)];
    if (!hessians)
        return statistics;
    auto whole = std::make_shared<LayerCapture>(*statistics);
    whole->hessian = hessians->hessian;
    whole->weightedHessians = hessians->weightedHessians;
    return whole;
}

} // namespace qs
