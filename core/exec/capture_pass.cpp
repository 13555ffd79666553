#include "core/exec/capture_pass.h"

#include "core/exec/capture_memory.h"
#include "core/io/calibration_set.h"
#include "core/tensor/convert.h"

#include <algorithm>
#include <fmt/format.h>

namespace qs {

CapturePass::CapturePass(const Model &model, const CaptureOptions &options, StatisticsOf statistics,
                         FindingList &findings)
    : m_model(model), m_options(options), m_statistics(statistics), m_findings(findings),
      m_weighted(model, options.hessians, findings) {
    for (const Layer &layer : model.layers)
        if (layer.kind != LayerKind::Embedding)
            addLayer(layer);
}

PassOptions CapturePass::passOptions(const RunContext &ctx) {
    PassOptions options;
    for (Site &site : m_sites) {
        auto &tap = options.taps[site.value];
        tap = [this, &site, ctx, previous = tap](const Tensor &value) {
            if (previous)
                previous(value);
            if (m_status)
                m_status = collect(site, value, ctx);
        };
    }
    for (const ValueId id : m_weighted.values()) {
        auto &tap = options.taps[id];
        tap = [this, id, ctx, previous = tap](const Tensor &value) {
            if (previous)
                previous(value);
            if (m_status)
                m_status = collectWeighted(id, value, ctx);
        };
    }
    for (const ValueId id : m_otherValues)
        options.taps.try_emplace(id, [](const Tensor &) {});
    return options;
}

void CapturePass::startBatch(const std::vector<Tensor> &inputs, std::int64_t samples) {
    m_weighted.startBatch({samples, visibleTokens(inputs)});
}

NodeId CapturePass::end() const {
    if (m_statistics == StatisticsOf::AllLayers)
        return static_cast<NodeId>(m_model.graph.nodes().size());
    std::set<ValueId> needed = m_weighted.values();
    for (const Shared &shared : m_hessians)
        needed.insert(shared.value);
    NodeId last = kNoNode;
    for (const ValueId id : needed)
        last = std::max(last, m_model.graph.value(id).producer);
    return last + 1;
}

void CapturePass::addLayer(const Layer &layer) {
    const bool channelsFirst = layer.kind == LayerKind::Conv;
    auto site = std::find_if(m_sites.begin(), m_sites.end(), [&](const Site &candidate) {
        return candidate.value == layer.input && candidate.channelsFirst == channelsFirst;
    });
    if (site == m_sites.end()) {
        m_sites.push_back(
            {layer.input, channelsFirst, {}, ActivationAccumulator(channelsFirst, m_options.sampleTokens)});
        site = std::prev(m_sites.end());
    }
    site->layers.push_back(layer.id);
    if (m_options.hessians.contains({layer.id}))
        addHessian(layer);
}

void CapturePass::addHessian(const Layer &layer) {
    auto accumulator = HessianAccumulator::create(layer, m_model.graph);
    if (!accumulator) {
        m_findings.add(toFinding(accumulator.error()));
        return;
    }
    auto same = std::find_if(m_hessians.begin(), m_hessians.end(),
                             [&](const Shared &shared) { return shared.accumulator->sameAs(*accumulator); });
    m_hessianOfLayer[layer.id] = static_cast<std::size_t>(same - m_hessians.begin());
    if (same == m_hessians.end())
        m_hessians.push_back({layer.input, std::move(*accumulator), hessianBytes(layer), {}});
}

Status CapturePass::collect(Site &site, const Tensor &value, const RunContext &ctx) {
    const auto wants = [&](const Shared &shared) { return shared.value == site.value; };
    const bool statistics = m_statistics == StatisticsOf::AllLayers;
    if (!statistics && std::ranges::none_of(m_hessians, wants))
        return {};
    QS_TRY(const Tensor values, toFloat32(value));
    if (statistics) {
        QS_CHECK_OK(site.accumulator.add(values, ctx));
    }
    // Sites of both views of one value would add the same rows twice: the first one feeds the Hessians.
    const bool first = &site == &*std::find_if(m_sites.begin(), m_sites.end(),
                                               [&](const Site &other) { return other.value == site.value; });
    for (Shared &shared : m_hessians)
        if (first && wants(shared)) {
            QS_CHECK_OK(shared.accumulator->add(values, {}, ctx));
        }
    return {};
}

Status CapturePass::collectWeighted(ValueId id, const Tensor &value, const RunContext &ctx) {
    QS_TRY(const Tensor values, toFloat32(value));
    return m_weighted.take(id, values, ctx);
}

std::vector<std::uint8_t> CapturePass::visibleTokens(const std::vector<Tensor> &inputs) const {
    std::vector<std::uint8_t> visible;
    for (std::size_t i = 0; i < inputs.size(); ++i)
        if (m_model.graph.value(m_model.graph.inputs()[i]).name == "attention_mask" &&
            inputs[i].dtype() == DType::Int64)
            for (const std::int64_t flag : inputs[i].values<std::int64_t>())
                visible.push_back(flag != 0 ? 1 : 0);
    return visible;
}

std::int64_t CapturePass::bytes() const {
    std::int64_t bytes = 0;
    for (const Site &site : m_sites)
        bytes += m_statistics == StatisticsOf::AllLayers ? site.accumulator.bytes() : 0;
    for (const Shared &shared : m_hessians)
        bytes +=
            (shared.accumulator ? shared.bytes : 0) + static_cast<std::int64_t>(shared.result.sizeBytes());
    for (const HessianWish &wish : m_options.hessians)
        if (wish.weighting.importance != TokenImportance::Equal)
            bytes += hessianBytes(m_model.layers[static_cast<std::size_t>(wish.layer)]);
    return bytes;
}

std::int64_t CapturePass::bytesWhileFinishing() const {
    if (m_statistics != StatisticsOf::AllLayers)
        return bytes();
    std::int64_t copies = 0, largest = 0;
    for (const Site &site : m_sites) {
        const std::int64_t one = site.accumulator.bytes();
        copies += (static_cast<std::int64_t>(site.layers.size()) - 1) * one;
        largest = std::max(largest, one);
    }
    return bytes() + copies + largest;
}

Tensor CapturePass::hessian(std::size_t index) {
    Shared &shared = m_hessians[index];
    if (shared.accumulator) {
        shared.result = shared.accumulator->finish();
        shared.accumulator.reset();
    }
    return shared.result;
}

std::vector<std::shared_ptr<const LayerCapture>> CapturePass::finish() {
    std::vector<std::shared_ptr<const LayerCapture>> captures(m_model.layers.size());
    for (Site &site : m_sites) {
        for (const LayerId id : site.layers) {
            const auto shared = m_hessianOfLayer.find(id);
            auto weighted = m_weighted.finish(m_model.layers[static_cast<std::size_t>(id)]);
            if (m_statistics == StatisticsOf::NoLayer && shared == m_hessianOfLayer.end() && weighted.empty())
                continue;
            auto capture = std::make_shared<LayerCapture>(
                m_statistics == StatisticsOf::AllLayers ? site.accumulator.finish(id) : LayerCapture{});
            capture->layer = id;
            if (shared != m_hessianOfLayer.end())
                capture->hessian = hessian(shared->second);
            capture->weightedHessians = std::move(weighted);
            reportNonFinite(*capture);
            captures[static_cast<std::size_t>(id)] = std::move(capture);
        }
        site.accumulator = ActivationAccumulator(site.channelsFirst, 0);
    }
    return captures;
}

void CapturePass::reportNonFinite(const LayerCapture &capture) {
    const TensorStats &stats = capture.stats;
    if (stats.firstNonFinite < 0)
        return;
    const std::string &layer = m_model.layers[static_cast<std::size_t>(capture.layer)].name;
    m_findings.add(
        Severity::Error,
        fmt::format("the activation that enters this layer holds {} NaN and {} Inf values; first at "
                    "element {} of the calibration pass",
                    stats.nanCount, stats.infCount, stats.firstNonFinite),
        layer, "Check the calibration data and the layers before this one; ranges ignore these values.");
}

SampleBatches captureBatches(const Model &model, const CalibrationSet &set, const CaptureOptions &options) {
    return planBatches(set, model.graph, options.maxSamples, options.batchSize);
}

Result<std::int64_t> runCapturePass(CapturePass &pass, const CapturePassRun &run, const RunContext &ctx) {
    const Model &model = run.executor.model();
    const SampleBatches batches = captureBatches(model, run.set, run.options);
    const PassOptions passOptions = pass.passOptions(ctx);
    std::int64_t peak = run.otherBytes + pass.bytes();
    const auto step = [&](std::int64_t done) {
        const std::int64_t limit = run.options.memoryLimit;
        ctx.step(done, batches.samples,
                 limit > 0 ? fmt::format("{}, {} of {}", run.stage, mebibytes(peak), mebibytes(limit))
                           : run.stage);
    };
    for (std::int64_t begin = 0; begin < batches.samples; begin += batches.size) {
        step(begin);
        const std::int64_t end = std::min(batches.samples, begin + batches.size);
        QS_TRY(auto inputs, readModelInputs(run.set, model.graph, begin, end));
        pass.startBatch(inputs, end - begin);
        QS_TRY(ExecutionState state, run.executor.begin(std::move(inputs), passOptions));
        QS_CHECK_OK(run.executor.advance(state, pass.end(), passOptions, ctx));
        QS_CHECK_OK(pass.status());
        peak = std::max(peak, run.otherBytes + pass.bytes());
    }
    peak = std::max(peak, run.otherBytes + pass.bytesWhileFinishing());
    step(batches.samples);
    return peak;
}

std::int64_t hessianBytes(const Layer &layer) {
    return layer.groups * layer.inPerOut * layer.inPerOut * static_cast<std::int64_t>(sizeof(double));
}

std::int64_t hessianBytes(const Model &model, const std::set<HessianWish> &wishes) {
    std::set<std::tuple<ValueId, TokenWeighting, std::int64_t, bool>> seen;
    std::int64_t bytes = 0;
    for (const HessianWish &wish : wishes) {
        const Layer &layer = model.layers[static_cast<std::size_t>(wish.layer)];
        const bool isConv = layer.kind == LayerKind::Conv;
        // Convolutions with other windows have sums of their own: each counts.
        if (seen.insert({layer.input, wish.weighting, isConv ? layer.id : layer.inPerOut, isConv}).second)
            bytes += hessianBytes(layer);
    }
    return bytes;
}

} // namespace qs
