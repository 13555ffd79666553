#include "core/exec/capture_source.h"

#include "core/exec/capture_memory.h"
#include "core/exec/capture_pass.h"
#include "core/io/calibration_set.h"

#include <algorithm>
#include <fmt/format.h>

namespace qs {
namespace {

/// Whether the statistics are those that a pass over the set would make.
bool hasStatistics(const Capture &capture, const Model &model, const CalibrationSet &set,
                   const CaptureOptions &options) {
    // Projects of earlier versions have no sums of channels.
    const auto hasSums = [](const auto &layer) {
        return !layer || layer->channelSum.size() == layer->channelMin.size();
    };
    // A file may keep a part of what the set makes, in half precision: runs make their own.
    return capture.origin.empty() && capture.calibrationSha256 == set.sha256() &&
           std::ranges::all_of(capture.layers, hasSums) && capture.layers.size() == model.layers.size() &&
           capture.samples == captureBatches(model, set, options).samples;
}

bool hasHessians(const Capture &capture, const std::set<HessianWish> &wishes) {
    return std::ranges::all_of(wishes, [&](const HessianWish &wish) {
        const auto &layer = capture.layers[static_cast<std::size_t>(wish.layer)];
        return layer && layer->has(wish.weighting);
    });
}

std::shared_ptr<const LayerCapture> withoutHessians(const std::shared_ptr<const LayerCapture> &layer) {
    if (!layer || (layer->hessian.empty() && layer->weightedHessians.empty()))
        return layer;
    auto bare = std::make_shared<LayerCapture>(*layer);
    bare->hessian = {};
    bare->weightedHessians.clear();
    return bare;
}

/// The Hessians alone.
std::shared_ptr<const LayerCapture> hessiansOf(const LayerCapture &layer) {
    auto hessians = std::make_shared<LayerCapture>();
    hessians->hessian = layer.hessian;
    hessians->weightedHessians = layer.weightedHessians;
    return hessians;
}

} // namespace

CaptureSource::CaptureSource(CaptureRequest request)
    : m_executor(std::move(request.executor)), m_set(std::move(request.set)),
      m_options(std::move(request.options)), m_earlier(std::move(request.earlier)) {
    m_cost.limit = m_options.memoryLimit;
}

Result<std::shared_ptr<CaptureSource>> CaptureSource::open(CaptureRequest request, FindingList &findings,
                                                           const RunContext &ctx) {
    auto source = std::shared_ptr<CaptureSource>(new CaptureSource(std::move(request)));
    QS_CHECK_OK(source->start(findings, ctx));
    source->m_earlier = nullptr;
    return source;
}

Status CaptureSource::start(FindingList &findings, const RunContext &ctx) {
    const Model &model = m_executor->model();
    if (m_earlier && hasStatistics(*m_earlier, model, *m_set, m_options) &&
        hasHessians(*m_earlier, m_options.hessians)) {
        m_capture = m_earlier;
        return {};
    }
    if (m_options.memoryLimit <= 0 || m_options.hessians.empty())
        return runAtOnce(findings, ctx);
    QS_TRY(const auto batch, batchShapes(model, *m_set, m_options));
    QS_TRY(CaptureMemory memory, planCaptureMemory(model, m_options, batch, ctx));
    if (memory.total() <= m_options.memoryLimit)
        return runAtOnce(findings, ctx);
    memory.hessians = 0;
    QS_CHECK_OK(checkLimit(memory, model, *m_set, m_options, findings));
    QS_CHECK_OK(makeGroups(memory));
    return startGroups(findings, ctx);
}

Status CaptureSource::runAtOnce(FindingList &findings, const RunContext &ctx) {
    QS_TRY(m_capture, captureActivations(*m_executor, *m_set, m_options, findings, ctx));
    m_cost.peakBytes = m_capture->peakBytes;
    m_cost.passes = 1;
    return {};
}

Status CaptureSource::makeGroups(const CaptureMemory &others) {
    const Model &model = m_executor->model();
    m_activationBytes = others.activations;
    m_statisticsBytes = others.statistics;
    const std::int64_t room = m_options.memoryLimit - others.activations - others.statistics;
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
                            mebibytes(hessianRoom(model, both)), mebibytes(others.activations),
                            mebibytes(others.statistics), mebibytes(m_options.memoryLimit)),
                model.layers[static_cast<std::size_t>(layer)].name);
        group = std::move(both);
    }
    close();
    m_cost.groups = static_cast<std::int64_t>(m_groups.size());
    return {};
}

Status CaptureSource::startGroups(FindingList &findings, const RunContext &ctx) {
    FindingList said; // by the passes themselves
    m_tapped = WeightedHessians(m_executor->model(), m_options.hessians, said).values();
    // Statistics of a pass that tapped other values may differ in their last bits.
    if (!m_earlier || !m_tapped.empty() || !hasStatistics(*m_earlier, m_executor->model(), *m_set, m_options))
        return runGroup(0, StatisticsOf::AllLayers, findings, ctx);
    auto capture = std::make_shared<Capture>(*m_earlier);
    for (auto &layer : capture->layers)
        layer = withoutHessians(layer);
    m_capture = std::move(capture);
    return {};
}

Status CaptureSource::runGroup(std::size_t group, StatisticsOf statistics, FindingList &findings,
                               const RunContext &ctx) {
    m_hessians.clear(); // before others are made
    m_current = std::size_t(-1);
    CaptureOptions options = m_options;
    options.hessians = m_groups[group];
    CapturePass pass(m_executor->model(), options, statistics, findings);
    pass.alsoTap(m_tapped);
    const bool first = statistics == StatisticsOf::AllLayers;
    const CapturePassRun run{*m_executor, *m_set, options,
                             m_activationBytes + (first ? 0 : m_statisticsBytes),
                             fmt::format("calibrating layer group {} of {}", group + 1, m_groups.size())};
    QS_TRY(const std::int64_t peak, runCapturePass(pass, run, ctx));
    m_cost.peakBytes = std::max(m_cost.peakBytes, peak);
    ++m_cost.passes;
    m_hessians = pass.finish();
    if (first) {
        auto capture = std::make_shared<Capture>();
        capture->calibrationSha256 = m_set->sha256();
        capture->samples = captureBatches(m_executor->model(), *m_set, m_options).samples;
        capture->peakBytes = peak;
        capture->layers.resize(m_hessians.size());
        for (std::size_t i = 0; i < m_hessians.size(); ++i)
            if (const auto whole = std::move(m_hessians[i])) {
                m_hessians[i] = hessiansOf(*whole);
                capture->layers[i] = withoutHessians(whole);
            }
        m_capture = std::move(capture);
    }
    m_current = group;
    return {};
}

Result<std::shared_ptr<const LayerCapture>> CaptureSource::layer(LayerId id, FindingList &findings,
                                                                 const RunContext &ctx) {
    const auto &statistics = m_capture->layers[static_cast<std::size_t>(id)];
    const auto group = m_groupOf.find(id);
    if (group == m_groupOf.end() || !statistics)
        return statistics;
    if (group->second != m_current)
        QS_CHECK_OK(runGroup(group->second, StatisticsOf::NoLayer, findings, ctx));
    const auto &hessians = m_hessians[static_cast<std::size_t>(id)];
    if (!hessians)
        return statistics;
    auto whole = std::make_shared<LayerCapture>(*statistics);
    whole->hessian = hessians->hessian;
    whole->weightedHessians = hessians->weightedHessians;
    return whole;
}

} // namespace qs
