#include "core/session/norm_correction.h"

#include "core/graph/attention.h"
#include "core/tensor/convert.h"

#include <algorithm>
#include <fmt/format.h>

namespace qs {
namespace {

constexpr std::int64_t kChunk = 16; ///< samples that run together

bool reads(const Site &norm, LayerId layer) {
    return std::ranges::find(norm.layers, layer) != norm.layers.end();
}

/// Runs one chunk on to behind the node that makes `value`.
Result<Tensor> valueOf(const Executor &executor, ExecutionState &state, ValueId value, PassOptions options,
                       const RunContext &ctx) {
    Tensor found;
    options.taps[value] = [&found](const Tensor &tensor) { found = tensor; };
    QS_CHECK_OK(executor.advance(state, executor.model().graph.value(value).producer + 1, options, ctx));
    return toFloat32(found);
}

} // namespace

void DeviationSums::add(const Tensor &reference, const Tensor &quantized) {
    const Shape &shape = reference.shape();
    const auto channels = static_cast<std::size_t>(shape[shape.rank() - 1]);
    m_sum.resize(channels);
    m_squares.resize(channels);
    const auto a = reference.values<float>(), b = quantized.values<float>();
    for (std::size_t i = 0; i < a.size(); ++i) {
        const double deviation = static_cast<double>(a[i]) - b[i];
        m_sum[i % channels] += deviation;
        m_squares[i % channels] += deviation * deviation;
    }
    m_tokens += static_cast<double>(a.size() / channels);
}

std::vector<double> DeviationSums::mean() const {
    std::vector<double> mean = m_sum;
    for (double &value : mean)
        value /= m_tokens;
    return mean;
}

std::vector<double> DeviationSums::meanSquare() const {
    std::vector<double> mean = m_squares;
    for (double &value : mean)
        value /= m_tokens;
    return mean;
}

std::vector<Site> findPostAttentionNorms(const Model &model) {
    const AttentionSearch attention = findAttention(model);
    std::vector<Site> norms;
    const std::vector<Site> sites = findSites(model);
    for (const AttentionBlock &block : attention.blocks) {
        const Site *first = nullptr;
        for (const Site &site : sites) {
            const NodeId maker = model.graph.value(site.value).producer;
            const bool leadsElsewhere =
                std::ranges::all_of(site.layers, [&](LayerId id) { return attention.blockOfLayer(id) < 0; });
            if (site.source.kind == SiteProducer::Norm && maker > block.outputNode && leadsElsewhere &&
                (!first || maker < model.graph.value(first->value).producer))
                first = &site;
        }
        if (first && std::ranges::find(norms, first->value, &Site::value) == norms.end())
            norms.push_back(*first);
    }
    return norms;
}

NormCorrections::NormCorrections(const RunRequest &request, std::shared_ptr<const Model> model,
                                 std::shared_ptr<const Executor> executor, FindingList &findings)
    : m_request(request), m_model(std::move(model)), m_executor(std::move(executor)) {
    if (std::ranges::none_of(m_model->layers, [&](const Layer &layer) { return isAskedFor(layer); }))
        return;
    if (!m_executor || !m_request.calibration) {
        findings.add(Severity::Warning, "the correction of norms needs a calibration set and was left out",
                     {}, "Open a calibration set that fits the model.");
        return;
    }
    m_norms = findPostAttentionNorms(*m_model);
    std::erase_if(m_norms, [&](const Site &norm) {
        return std::ranges::none_of(norm.layers, [&](LayerId id) {
            return isAskedFor(m_model->layers[static_cast<std::size_t>(id)]);
        });
    });
    if (m_norms.empty())
        findings.add(Severity::Warning,
                     "no layer of the recipe's norm correction reads a norm behind an attention; nothing is "
                     "corrected");
}

bool NormCorrections::isAskedFor(const Layer &layer) const {
    const LayerChoice choice = m_request.recipe.choiceFor(layer.name);
    return choice.weight && choice.weight->corrects(Correction::Norm);
}

Result<std::shared_ptr<const LayerResult>>
NormCorrections::corrected(const Layer &layer, std::shared_ptr<const LayerResult> result, const Run &run,
                           FindingList &findings, const RunContext &ctx) {
    const auto norm = std::ranges::find_if(m_norms, [&](const Site &site) { return reads(site, layer.id); });
    if (norm == m_norms.end() || !isAskedFor(layer) || !result->quantized.weight)
        return result;
    if (!m_means.contains(norm->value)) {
        QS_TRY(m_means[norm->value], meanAt(*norm, run, findings, ctx));
    }
    const std::vector<double> &mean = m_means[norm->value];
    auto changed = std::make_shared<LayerResult>(*result);
    std::vector<float> &offset = changed->quantized.outputOffset;
    offset.resize(static_cast<std::size_t>(layer.outChannels));
    const Tensor values = result->quantized.weight->dequantize();
    const float *weight = values.values<float>().data();
    for (float &entry : offset) {
        double sum = entry;
        for (const double value : mean)
            sum += *weight++ * value;
        entry = static_cast<float>(sum);
    }
    return std::shared_ptr<const LayerResult>(std::move(changed));
}

/// Both networks begin; memory: their live values for the whole calibration set.
Status NormCorrections::start() {
    const CalibrationSet &set = *m_request.calibration;
    const auto batches = planBatches(set, m_model->graph, m_request.calibrationSamples, kChunk);
    for (std::int64_t begin = 0; begin < batches.samples; begin += batches.size) {
        const std::int64_t end = std::min(batches.samples, begin + batches.size);
        QS_TRY(auto inputs, readModelInputs(set, m_model->graph, begin, end));
        QS_TRY(ExecutionState state, m_executor->begin(std::move(inputs), {}));
        m_float.push_back(state);
        m_quantized.push_back(std::move(state));
    }
    return {};
}

Result<std::vector<double>> NormCorrections::meanAt(const Site &norm, const Run &run, FindingList &findings,
                                                    const RunContext &ctx) {
    if (m_float.empty())
        QS_CHECK_OK(start());
    const std::vector<QuantizedLayer> before = run.quantizedLayers();
    QS_TRY(const PassOptions prefix, substitutions(*m_model, before));
    DeviationSums sums;
    for (std::size_t i = 0; i < m_float.size(); ++i) {
        ctx.step(static_cast<std::int64_t>(i), static_cast<std::int64_t>(m_float.size()), "correcting norms");
        QS_TRY(const Tensor reference, valueOf(*m_executor, m_float[i], norm.value, {}, ctx));
        QS_TRY(const Tensor quantized, valueOf(*m_executor, m_quantized[i], norm.value, prefix, ctx));
        sums.add(reference, quantized);
    }
    const std::vector<double> mean = sums.mean(), square = sums.meanSquare();
    double removed = 0, all = 0;
    for (std::size_t i = 0; i < mean.size(); ++i) {
        removed += mean[i] * mean[i];
        all += square[i];
    }
    findings.add(Severity::Info,
                 fmt::format("norm correction removes {:.1f} % of the squared deviation at {}",
                             all > 0 ? 100 * removed / all : 0.0, norm.source.text),
                 m_model->layers[static_cast<std::size_t>(norm.layers.front())].name);
    return mean;
}

} // namespace qs
