#pragma once

#include "core/analysis/attention_pass.h"
#include "core/base/finding.h"
#include "core/metrics/attention_metrics.h"
#include "core/metrics/error_metrics.h"
#include "core/tensor/histogram.h"
#include "core/tensor/tensor_stats.h"

namespace qs {

/// One head of one attention under one sample; what is optional needs a quantized model.
struct AttentionHead {
    AttentionHeadMetrics reference; ///< float model
    std::optional<AttentionHeadMetrics> quantized;
    std::optional<AttentionAgreement> agreement; ///< of the probabilities
    std::optional<ErrorMetrics> outputError;     ///< of the head's output P·V
    /// The maps reduced to kThumbnailSide cells each way; quantized and difference may be empty.
    Tensor thumbnail, quantizedThumbnail, differenceThumbnail;
};

/// How K or V of one head are distributed, in equal bins over the range of all heads, float and quantized.
struct HeadDistribution {
    TensorStats stats;
    Histogram histogram;
};
struct KvHead {
    HeadDistribution keys, values;
    std::optional<HeadDistribution> quantizedKeys, quantizedValues;
};

struct AttentionLayer {
    std::size_t block = 0; ///< index into the search
    bool causal =
        false; ///< by a constant mask of the graph, or as the float probabilities of this sample are
    std::int64_t queries = 0, keys = 0;
    std::vector<AttentionHead> heads;
    std::vector<KvHead> kvHeads;
    std::vector<double> importance; ///< Σ over heads and queries of p, [keys]; float model
};

/// How well one layer alone ranks the tokens as all layers do.
struct RankAgreement {
    double tau = 0;          ///< Kendall's τ-b
    double topTenthKept = 0; ///< share of the most important tenth of the tokens that is the same
};

/// What a sample makes of all attention of a model. Immutable; while a job runs, ever fuller ones are handed
/// out.
struct AttentionSurvey {
    std::shared_ptr<const Model> model;
    std::shared_ptr<const AttentionSearch> attention;
    std::vector<Tensor> inputs; ///< the sample
    std::int64_t sample = 0;
    bool hasQuantized = false;
    std::vector<std::shared_ptr<const AttentionLayer>> layers; ///< as far as the job is
    std::vector<RankAgreement> ranks; ///< by layer; empty until complete, or when layers see different tokens
    /// Token importance: Σ over layers, heads and queries of p, [keys]. Empty when layers see different
    /// tokens. \source SGL (global attention for token importance), methods B4 4.12
    std::vector<double> importance, quantizedImportance;
    std::int64_t largestMapBytes = 0; ///< probabilities of one attention, float32
    bool complete = false;
};

inline constexpr std::int64_t kThumbnailSide = 128;

struct AttentionSurveyRequest {
    AttentionInput input;                 ///< without substitutions
    std::optional<PassOptions> quantized; ///< what makes the model the quantized one
    std::int64_t sample = 0;              ///< where the input comes from: for reports
};

/// Measures every head, layer by layer, the float and the quantized model side by side; memory as
/// AttentionPass says, twice. NaN, Inf and rows without any visible key are findings. \param layerFinished
/// called on the running thread with the survey so far; may be empty \error NotFound  the model has no
/// attention (with the report of the search);  as AttentionPass
Result<std::shared_ptr<const AttentionSurvey>>
surveyAttention(const AttentionSurveyRequest &request,
                const std::function<void(std::shared_ptr<const AttentionSurvey>)> &layerFinished,
                FindingList &findings, const RunContext &ctx);

} // namespace qs
