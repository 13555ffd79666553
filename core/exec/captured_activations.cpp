#include "core/exec/captured_activations.h"

#include "core/exec/activation_accumulator.h"
#include "core/graph/name_match.h"
#include "core/tensor/convert.h"

#include <algorithm>
#include <fmt/format.h>

namespace qs {
namespace {

constexpr std::int64_t kBlockBytes = std::int64_t(8) << 20; ///< read at once

/// The index of the best of `scores`; nothing when it is 0 or two are best.
std::optional<std::size_t> onlyBest(const std::vector<int> &scores) {
    const auto best = std::ranges::max_element(scores);
    if (best == scores.end() || *best == 0 || std::ranges::count(scores, *best) > 1)
        return {};
    return static_cast<std::size_t>(best - scores.begin());
}

bool readsActivation(const Layer &layer) {
    return layer.kind != LayerKind::Embedding;
}

std::int64_t channelsOf(const ActivationTap &tap) {
    return tap.shape[tap.channelsFirst ? 1 : tap.shape.rank() - 1];
}

class Matching {
public:
    Matching(const std::vector<ActivationTap> &taps, const Model &model, FindingList &findings)
        : m_taps(taps), m_model(model), m_findings(findings) {
        for (const ActivationTap &tap : taps)
            m_tapNames.push_back(nameParts(tap.module));
        for (const Layer &layer : model.layers)
            m_layerNames.push_back(readsActivation(layer) ? nameParts(layer.name) : NameParts());
    }

    std::vector<LayerId> run() {
        std::vector<LayerId> layers(m_taps.size(), kNoLayer);
        for (const Layer &layer : m_model.layers) {
            if (!readsActivation(layer))
                continue;
            const NameParts &name = m_layerNames[static_cast<std::size_t>(layer.id)];
            std::vector<int> scores;
            for (std::size_t i = 0; i < m_taps.size(); ++i)
                scores.push_back(m_taps[i].isOutput ? 0 : nameAgreement(name, m_tapNames[i]));
            const auto best = onlyBest(scores);
            if (best && isOnlyLayerOf(*best, scores[*best]) && fits(m_taps[*best], layer))
                layers[*best] = layer.id;
            else if (!best && std::ranges::max(scores) > 0)
                m_findings.add(Severity::Warning,
                               "Several activations of the file may be what enters this layer; none is used",
                               layer.name, "Capture with the names that the model file has.");
        }
        return layers;
    }

private:
    bool isOnlyLayerOf(std::size_t tap, int score) const {
        return std::ranges::count_if(m_layerNames, [&](const NameParts &name) {
                   return nameAgreement(name, m_tapNames[tap]) >= score;
               }) == 1;
    }

    bool fits(const ActivationTap &tap, const Layer &layer) {
        const std::int64_t wanted =
            layer.kind == LayerKind::Conv ? layer.weightShape[1] * layer.groups : layer.inPerOut;
        if (channelsOf(tap) == wanted)
            return true;
        m_findings.add(Severity::Warning,
                       fmt::format("The activation '{}' of the file has {} channels, this layer reads {}; it "
                                   "is not used",
                                   tap.module, channelsOf(tap), wanted),
                       layer.name, "Capture from the model that this file was made of.");
        return false;
    }

    const std::vector<ActivationTap> &m_taps;
    const Model &m_model;
    FindingList &m_findings;
    std::vector<NameParts> m_tapNames, m_layerNames; ///< empty for layers that read indices
};

void reportUnmatched(const ActivationFile &file, const std::vector<LayerId> &layers, FindingList &findings) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < layers.size(); ++i)
        if (layers[i] == kNoLayer && !file.taps()[i].isOutput)
            names.push_back(file.taps()[i].module);
    if (names.empty())
        return;
    findings.add(Severity::Info,
                 fmt::format("{} activations of the file enter no layer of this model: {}", names.size(),
                             someNames(names)),
                 file.file().filename().string());
}

void reportNonFinite(const LayerCapture &capture, const std::string &layer, FindingList &findings) {
    if (capture.stats.firstNonFinite >= 0)
        findings.add(Severity::Error,
                     fmt::format("the captured activation that enters this layer holds {} NaN and {} Inf "
                                 "values; first at element {}",
                                 capture.stats.nanCount, capture.stats.infCount,
                                 capture.stats.firstNonFinite),
                     layer, "Check the run that was captured; ranges ignore these values.");
}

} // namespace

std::vector<LayerId> matchTaps(const std::vector<ActivationTap> &taps, const Model &model,
                               FindingList &findings) {
    return Matching(taps, model, findings).run();
}

Result<LayerCapture> captureTap(const ActivationFile &file, const ActivationTap &tap,
                                const CaptureOptions &options, const RunContext &ctx) {
    ActivationAccumulator accumulator(tap.channelsFirst, options.sampleTokens);
    const std::int64_t rows =
        options.maxSamples > 0 ? std::min(options.maxSamples, tap.shape[0]) : tap.shape[0];
    const std::int64_t rowBytes = tap.shape.numelBetween(1, tap.shape.rank()) * 4;
    const std::int64_t block = std::max<std::int64_t>(1, kBlockBytes / std::max<std::int64_t>(1, rowBytes));
    for (std::int64_t begin = 0; begin < rows; begin += block) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        QS_TRY(const Tensor stored, file.read(tap, begin, std::min(rows, begin + block)));
        QS_TRY(const Tensor values, toFloat32(stored));
        if (Status added = accumulator.add(values, ctx); !added)
            return fail(std::move(added).error().withContext(tap.module));
    }
    LayerCapture capture = accumulator.finish(kNoLayer);
    capture.origin = file.origin();
    if (tap.seen > rows)
        capture.origin +=
            fmt::format(", the first {} of {} {}", rows, tap.seen, tap.channelsFirst ? "samples" : "tokens");
    return capture;
}

Result<std::shared_ptr<const Capture>> captureFromFile(const ActivationFile &file, const Model &model,
                                                       const CaptureOptions &options, FindingList &findings,
                                                       const RunContext &ctx) {
    const std::vector<LayerId> layers = matchTaps(file.taps(), model, findings);
    if (std::ranges::all_of(layers, [](LayerId layer) { return layer == kNoLayer; }))
        return fail(ErrorCode::NotFound,
                    fmt::format("none of its {} activations is the input of a layer of {}; the first is "
                                "'{}'. Capture the inputs of the modules that the model file names",
                                file.taps().size(), model.file.filename().string(),
                                file.taps().front().module),
                    file.file().filename().string());
    reportUnmatched(file, layers, findings);
    auto capture = std::make_shared<Capture>();
    capture->calibrationSha256 = file.sha256();
    capture->samples = file.samples();
    capture->origin = file.origin();
    capture->layers.resize(model.layers.size());
    const auto count = static_cast<std::int64_t>(layers.size());
    for (std::int64_t i = 0; i < count; ++i) {
        ctx.step(i, count, "reading activations");
        const LayerId layer = layers[static_cast<std::size_t>(i)];
        if (layer == kNoLayer)
            continue;
        QS_TRY(LayerCapture tap, captureTap(file, file.taps()[static_cast<std::size_t>(i)], options, ctx));
        tap.layer = layer;
        reportNonFinite(tap, model.layers[static_cast<std::size_t>(layer)].name, findings);
        capture->layers[static_cast<std::size_t>(layer)] =
            std::make_shared<const LayerCapture>(std::move(tap));
    }
    ctx.step(count, count, "reading activations");
    return std::shared_ptr<const Capture>(std::move(capture));
}

} // namespace qs
