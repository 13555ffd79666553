#include "core/analysis/attention_survey.h"

#include "core/metrics/ranking.h"
#include "core/tensor/thumbnail.h"

#include <algorithm>
#include <fmt/format.h>
#include <numeric>

namespace qs {
namespace {

constexpr int kHistogramBins = 128;

/// The values of the float model and, beside them, those of the quantized one.
struct Pair {
    AttentionValues reference;
    std::optional<AttentionValues> quantized;
};

/// Float and quantized model, block by block.
class PairedPass {
public:
    static Result<PairedPass> begin(const AttentionSurveyRequest &request,
                                    const std::vector<std::size_t> &blocks) {
        PairedPass paired;
        AttentionInput input = request.input;
        input.substitutions = {};
        QS_TRY(AttentionPass reference, AttentionPass::begin(input, blocks));
        paired.m_reference = std::move(reference);
        if (request.quantized) {
            input.substitutions = *request.quantized;
            QS_TRY(AttentionPass quantized, AttentionPass::begin(input, blocks));
            paired.m_quantized = std::move(quantized);
        }
        return paired;
    }
    Result<Pair> advanceTo(std::size_t block, const RunContext &ctx) {
        Pair pair;
        QS_TRY(pair.reference, m_reference->advanceTo(block, ctx));
        if (m_quantized) {
            QS_TRY(pair.quantized, m_quantized->advanceTo(block, ctx));
            if (pair.quantized->probabilities.shape() != pair.reference.probabilities.shape())
                return fail(ErrorCode::Unsupported, "the quantized model's attention has another size");
        }
        return pair;
    }

private:
    std::optional<AttentionPass> m_reference, m_quantized;
};

HeadDistribution distributionOf(std::span<const float> values, const TensorStats &range, TensorStats stats) {
    HeadDistribution distribution{std::move(stats), Histogram(range.min, range.max, kHistogramBins)};
    distribution.histogram.add(values);
    return distribution;
}

std::span<const float> headValues(const Tensor &tensor, std::int64_t head) {
    const MatrixView<const float> matrix = headMatrix(tensor, head);
    return {matrix.data, static_cast<std::size_t>(matrix.size())};
}

/// K or V of all heads, of the float and the quantized model, in the same bins.
Status distribute(const Tensor &reference, const Tensor *quantized, std::vector<KvHead> &heads,
                  HeadDistribution KvHead::*own, std::optional<HeadDistribution> KvHead::*other,
                  const RunContext &ctx) {
    std::vector<TensorStats> stats, otherStats;
    TensorStats range;
    const auto addStats = [&](const Tensor &tensor, std::vector<TensorStats> &each) -> Status {
        for (std::int64_t head = 0; head < tensor.shape()[0]; ++head) {
            QS_TRY(TensorStats one, computeStats(headValues(tensor, head), ctx));
            range.merge(one);
            each.push_back(std::move(one));
        }
        return {};
    };
    QS_CHECK_OK(addStats(reference, stats));
    if (quantized)
        QS_CHECK_OK(addStats(*quantized, otherStats));
    heads.resize(std::max(heads.size(), stats.size()));
    for (std::size_t head = 0; head < stats.size(); ++head)
        heads[head].*own =
            distributionOf(headValues(reference, static_cast<std::int64_t>(head)), range, stats[head]);
    for (std::size_t head = 0; head < otherStats.size(); ++head)
        heads[head].*other =
            distributionOf(headValues(*quantized, static_cast<std::int64_t>(head)), range, otherStats[head]);
    return {};
}

void addTo(std::vector<double> &sum, const std::vector<double> &part) {
    sum.resize(std::max(sum.size(), part.size()));
    for (std::size_t i = 0; i < part.size(); ++i)
        sum[i] += part[i];
}

class SurveyJob {
public:
    SurveyJob(const AttentionSurveyRequest &request, FindingList &findings, const RunContext &ctx)
        : m_request(request), m_findings(findings), m_ctx(ctx) {
        const AttentionInput &input = request.input;
        m_survey.attention = input.attention;
        m_survey.inputs = input.inputs;
        m_survey.sample = request.sample;
        m_survey.hasQuantized = request.quantized.has_value();
        // An aliasing pointer: the executor owns the model.
        m_survey.model = std::shared_ptr<const Model>(input.executor, &input.executor->model());
    }

    Result<std::shared_ptr<const AttentionSurvey>>
    run(const std::function<void(std::shared_ptr<const AttentionSurvey>)> &layerFinished) {
        const auto &blocks = m_request.input.attention->blocks;
        if (blocks.empty())
            return fail(ErrorCode::NotFound,
                        "no attention was found. " +
                            m_request.input.attention->report(m_request.input.executor->model().graph));
        std::vector<std::size_t> all(blocks.size());
        std::iota(all.begin(), all.end(), std::size_t{0});
        QS_TRY(PairedPass pass, PairedPass::begin(m_request, all));
        for (const std::size_t block : all) {
            m_ctx.step(static_cast<std::int64_t>(block), static_cast<std::int64_t>(all.size()),
                       "attention of " + blocks[block].name);
            QS_TRY(const Pair pair, pass.advanceTo(block, m_ctx));
            QS_TRY(AttentionLayer layer, surveyLayer(block, pair));
            m_survey.layers.push_back(std::make_shared<const AttentionLayer>(std::move(layer)));
            if (layerFinished)
                layerFinished(std::make_shared<const AttentionSurvey>(m_survey));
        }
        QS_CHECK_OK(rankTokens());
        m_survey.complete = true;
        return std::make_shared<const AttentionSurvey>(std::move(m_survey));
    }

private:
    Result<AttentionLayer> surveyLayer(std::size_t index, const Pair &pair) {
        const AttentionBlock &block = m_request.input.attention->blocks[index];
        AttentionLayer layer;
        layer.block = index;
        const Shape &shape = pair.reference.probabilities.shape();
        layer.queries = shape[1];
        layer.keys = shape[2];
        layer.causal = isCausal(block, pair.reference);
        m_survey.largestMapBytes = std::max(m_survey.largestMapBytes, 4 * shape.numel());
        for (std::int64_t head = 0; head < shape[0]; ++head) {
            QS_TRY(AttentionHead one, surveyHead(head, layer.causal, pair));
            reportBadRows(block, head, one);
            addTo(layer.importance, one.reference.accumulated);
            layer.heads.push_back(std::move(one));
        }
        const AttentionValues *quantized = pair.quantized ? &*pair.quantized : nullptr;
        QS_CHECK_OK(distribute(pair.reference.keys, quantized ? &quantized->keys : nullptr, layer.kvHeads,
                               &KvHead::keys, &KvHead::quantizedKeys, m_ctx));
        QS_CHECK_OK(distribute(pair.reference.values, quantized ? &quantized->values : nullptr, layer.kvHeads,
                               &KvHead::values, &KvHead::quantizedValues, m_ctx));
        return layer;
    }

    static bool isCausal(const AttentionBlock &block, const AttentionValues &values) {
        if (block.mask != AttentionMask::Other)
            return block.mask == AttentionMask::Causal;
        for (std::int64_t head = 0; head < values.heads(); ++head)
            if (!isCausalMap(values.probabilitiesOf(head)))
                return false;
        return true;
    }

    Result<AttentionHead> surveyHead(std::int64_t index, bool causal, const Pair &pair) {
        AttentionHead head;
        const auto reference = pair.reference.probabilitiesOf(index);
        QS_TRY(head.reference, measureAttentionHead(reference, causal, m_ctx));
        head.thumbnail = thumbnail(reference, kThumbnailSide);
        if (!pair.quantized)
            return head;
        const auto quantized = pair.quantized->probabilitiesOf(index);
        QS_TRY(head.quantized, measureAttentionHead(quantized, causal, m_ctx));
        QS_TRY(head.agreement, compareAttention(reference, quantized, m_ctx));
        head.outputError.emplace();
        head.outputError->add(headValues(pair.reference.output, index),
                              headValues(pair.quantized->output, index));
        head.quantizedThumbnail = thumbnail(quantized, kThumbnailSide);
        std::vector<float> errors(static_cast<std::size_t>(reference.size()));
        std::transform(quantized.data, quantized.data + quantized.size(), reference.data, errors.begin(),
                       std::minus<>());
        head.differenceThumbnail = thumbnail({errors.data(), reference.rows, reference.cols}, kThumbnailSide);
        return head;
    }

    void reportBadRows(const AttentionBlock &block, std::int64_t head, const AttentionHead &measured) {
        const auto report = [&](const AttentionHeadMetrics &metrics, const char *which) {
            if (metrics.nonFiniteRows > 0)
                m_findings.add(
                    Severity::Error,
                    fmt::format("{} of {} queries of head {} have NaN or Inf probabilities in the {} model; "
                                "first query {} of sample {}",
                                metrics.nonFiniteRows, metrics.queries, head, which, metrics.firstBadRow,
                                m_request.sample),
                    block.name,
                    "They are left out of all numbers. Check for a mask of -inf that hides every key, and "
                    "the layers before this attention.");
            if (metrics.emptyRows > 0)
                m_findings.add(
                    Severity::Warning,
                    fmt::format("{} of {} queries of head {} see no key at all in the {} model; first bad "
                                "query {} of sample {}",
                                metrics.emptyRows, metrics.queries, head, which, metrics.firstBadRow,
                                m_request.sample),
                    block.name, "They are left out of all numbers. Check the mask.");
        };
        report(measured.reference, "float");
        if (measured.quantized)
            report(*measured.quantized, "quantized");
    }

    /// Token importance over all layers, and how far each layer alone agrees with it.
    Status rankTokens() {
        const std::int64_t keys = m_survey.layers.front()->keys;
        for (const auto &layer : m_survey.layers)
            if (layer->keys != keys)
                return {};
        for (const auto &layer : m_survey.layers) {
            addTo(m_survey.importance, layer->importance);
            for (const AttentionHead &head : layer->heads)
                if (head.quantized)
                    addTo(m_survey.quantizedImportance, head.quantized->accumulated);
        }
        const auto tenth = static_cast<std::size_t>(std::max<std::int64_t>(1, keys / 10));
        for (const auto &layer : m_survey.layers) {
            RankAgreement rank;
            QS_TRY(rank.tau, kendallTau(layer->importance, m_survey.importance, m_ctx));
            rank.topTenthKept = topOverlap(m_survey.importance, layer->importance, tenth);
            m_survey.ranks.push_back(rank);
        }
        return {};
    }

    const AttentionSurveyRequest &m_request;
    FindingList &m_findings;
    RunContext m_ctx;
    AttentionSurvey m_survey;
};

} // namespace

Result<std::shared_ptr<const AttentionSurvey>>
surveyAttention(const AttentionSurveyRequest &request,
                const std::function<void(std::shared_ptr<const AttentionSurvey>)> &layerFinished,
                FindingList &findings, const RunContext &ctx) {
    return SurveyJob(request, findings, ctx).run(layerFinished);
}

} // namespace qs
