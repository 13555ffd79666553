#include "core/exec/capture.h"

#include "core/exec/activation_accumulator.h"
#include "core/exec/hessian_accumulator.h"
#include "core/io/calibration_set.h"
#include "core/quant/range_rule.h"
#include "core/tensor/convert.h"

#include <algorithm>
#include <fmt/format.h>

namespace qs {
namespace {

/// What the pass collects at one value: layers that read the same activation share it.
struct Site {
    ValueId value = kNoValue;
    bool channelsFirst = false;
    std::vector<LayerId> layers;
    ActivationAccumulator accumulator{false, 0};
};

class CapturePass {
public:
    CapturePass(const Model &model, const CaptureOptions &options, FindingList &findings)
        : m_model(model), m_options(options), m_findings(findings),
          m_weighted(model, options.hessians, findings) {
        for (const Layer &layer : model.layers)
            if (layer.kind != LayerKind::Embedding)
                addLayer(layer);
    }

    /// Taps for every site. The first failure inside a tap is kept for status().
    PassOptions passOptions(const RunContext &ctx) {
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
        return options;
    }
    void startBatch(const std::vector<Tensor> &inputs, std::int64_t samples) {
        m_weighted.startBatch({samples, visibleTokens(inputs)});
    }
    Status status() const { return m_status; }

    std::vector<std::shared_ptr<const LayerCapture>> finish() {
        std::vector<std::shared_ptr<const LayerCapture>> captures(m_model.layers.size());
        for (const Site &site : m_sites)
            for (const LayerId id : site.layers) {
                auto capture = std::make_shared<LayerCapture>(site.accumulator.finish(id));
                if (const auto shared = m_hessianOfLayer.find(id); shared != m_hessianOfLayer.end())
                    capture->hessian = hessian(shared->second);
                capture->weightedHessians = m_weighted.finish(m_model.layers[static_cast<std::size_t>(id)]);
                reportNonFinite(*capture);
                captures[static_cast<std::size_t>(id)] = std::move(capture);
            }
        return captures;
    }

private:
    void addLayer(const Layer &layer) {
        const bool channelsFirst = layer.kind == LayerKind::Conv;
        auto site = std::find_if(m_sites.begin(), m_sites.end(), [&](const Site &candidate) {
            return candidate.value == layer.input && candidate.channelsFirst == channelsFirst;
        });
        if (site == m_sites.end()) {
            m_sites.push_back({layer.input,
                               channelsFirst,
                               {},
                               ActivationAccumulator(channelsFirst, m_options.sampleTokens)});
            site = std::prev(m_sites.end());
        }
        site->layers.push_back(layer.id);
        if (m_options.hessians.contains({layer.id}))
            addHessian(layer);
    }

    void addHessian(const Layer &layer) {
        auto accumulator = HessianAccumulator::create(layer, m_model.graph);
        if (!accumulator) {
            m_findings.add(toFinding(accumulator.error()));
            return;
        }
        auto same = std::find_if(m_hessians.begin(), m_hessians.end(), [&](const Shared &shared) {
            return shared.accumulator.sameAs(*accumulator);
        });
        m_hessianOfLayer[layer.id] = static_cast<std::size_t>(same - m_hessians.begin());
        if (same == m_hessians.end())
            m_hessians.push_back({layer.input, std::move(*accumulator), {}});
    }

    Status collect(Site &site, const Tensor &value, const RunContext &ctx) {
        QS_TRY(const Tensor values, toFloat32(value));
        QS_CHECK_OK(site.accumulator.add(values, ctx));
        // Sites of both views of one value would add the same rows twice: the first one feeds the Hessians.
        const bool first = &site == &*std::find_if(m_sites.begin(), m_sites.end(), [&](const Site &other) {
            return other.value == site.value;
        });
        for (Shared &shared : m_hessians)
            if (first && shared.value == site.value) {
                QS_CHECK_OK(shared.accumulator.add(values, {}, ctx));
            }
        return {};
    }

    Status collectWeighted(ValueId id, const Tensor &value, const RunContext &ctx) {
        QS_TRY(const Tensor values, toFloat32(value));
        return m_weighted.take(id, values, ctx);
    }

    /// Language models are told which tokens are padding by an input of this name.
    std::vector<std::uint8_t> visibleTokens(const std::vector<Tensor> &inputs) const {
        std::vector<std::uint8_t> visible;
        for (std::size_t i = 0; i < inputs.size(); ++i)
            if (m_model.graph.value(m_model.graph.inputs()[i]).name == "attention_mask" &&
                inputs[i].dtype() == DType::Int64)
                for (const std::int64_t flag : inputs[i].values<std::int64_t>())
                    visible.push_back(flag != 0 ? 1 : 0);
        return visible;
    }

    Tensor hessian(std::size_t index) {
        Shared &shared = m_hessians[index];
        if (shared.result.empty())
            shared.result = shared.accumulator.finish();
        return shared.result;
    }

    void reportNonFinite(const LayerCapture &capture) {
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

    struct Shared {
        ValueId value;
        HessianAccumulator accumulator;
        Tensor result;
    };
    const Model &m_model;
    const CaptureOptions &m_options;
    FindingList &m_findings;
    std::vector<Site> m_sites;
    std::vector<Shared> m_hessians;
    std::map<LayerId, std::size_t> m_hessianOfLayer;
    WeightedHessians m_weighted;
    Status m_status;
};

std::int64_t samplesOf(const CalibrationSet &set, const CaptureOptions &options) {
    return options.maxSamples > 0 ? std::min(options.maxSamples, set.samples()) : set.samples();
}

bool hasAll(const Capture &capture, const Model &model, const CalibrationSet &set,
            const CaptureOptions &options) {
    // Projects of earlier versions have no sums of channels.
    const auto hasSums = [](const auto &layer) {
        return !layer || layer->channelSum.size() == layer->channelMin.size();
    };
    return capture.calibrationSha256 == set.sha256() && std::ranges::all_of(capture.layers, hasSums) &&
           capture.layers.size() == model.layers.size() && capture.samples == samplesOf(set, options) &&
           std::ranges::all_of(options.hessians, [&](const HessianWish &wish) {
               const auto &layer = capture.layers[static_cast<std::size_t>(wish.layer)];
               return layer && layer->has(wish.weighting);
           });
}

} // namespace

Result<std::shared_ptr<const Capture>> captureActivations(const Executor &executor, const CalibrationSet &set,
                                                          const CaptureOptions &options,
                                                          FindingList &findings, const RunContext &ctx) {
    const Model &model = executor.model();
    QS_CHECK_OK(checkFits(set, model.graph));
    const std::int64_t samples = samplesOf(set, options);
    CapturePass pass(model, options, findings);
    const PassOptions passOptions = pass.passOptions(ctx);
    for (std::int64_t begin = 0; begin < samples; begin += options.batchSize) {
        ctx.step(begin, samples, "calibrating");
        const std::int64_t end = std::min(samples, begin + options.batchSize);
        QS_TRY(auto inputs, readModelInputs(set, model.graph, begin, end));
        pass.startBatch(inputs, end - begin);
        if (auto outputs = executor.run(std::move(inputs), passOptions, ctx); !outputs)
            return fail(std::move(outputs).error());
        QS_CHECK_OK(pass.status());
    }
    auto capture = std::make_shared<Capture>();
    capture->calibrationSha256 = set.sha256();
    capture->samples = samples;
    capture->layers = pass.finish();
    ctx.step(samples, samples, "calibrating");
    return std::shared_ptr<const Capture>(std::move(capture));
}

Result<std::shared_ptr<const Capture>> captureOrReuse(std::shared_ptr<const Capture> earlier,
                                                      const Executor &executor, const CalibrationSet &set,
                                                      const CaptureOptions &options, FindingList &findings,
                                                      const RunContext &ctx) {
    if (earlier && hasAll(*earlier, executor.model(), set, options))
        return earlier;
    return captureActivations(executor, set, options, findings, ctx);
}

const WeightedHessian *LayerCapture::find(const TokenWeighting &weighting) const {
    const auto found = std::ranges::find(weightedHessians, weighting, &WeightedHessian::weighting);
    return found == weightedHessians.end() ? nullptr : &*found;
}

bool LayerCapture::has(const TokenWeighting &weighting) const {
    return weighting.importance == TokenImportance::Equal ? !hessian.empty() : find(weighting) != nullptr;
}

std::vector<float> channelMagnitudes(const LayerCapture &capture) {
    std::vector<float> magnitudes;
    for (std::size_t i = 0; i < capture.channelMin.size(); ++i)
        magnitudes.push_back(std::max(std::abs(capture.channelMin[i]), std::abs(capture.channelMax[i])));
    return magnitudes;
}

ScaleZero activationGrid(const LayerCapture &capture, const GridScheme &scheme) {
    const ValueRange range =
        chooseRangeFromHistogram(capture.histogram, capture.stats.min, capture.stats.max, scheme);
    return gridForRange(range.lo, range.hi, scheme.bits, scheme.convention);
}

} // namespace qs
