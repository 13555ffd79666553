#pragma once

#include "core/base/run_context.h"
#include "core/tensor/matrix_view.h"

#include <optional>
#include <vector>

namespace qs {

/// What one head does with its attention. Rows are queries, columns keys; a row holds the probabilities of
/// one query and sums to 1. Rows with NaN or Inf, and rows that are all zero because a mask hides every key,
/// are counted and enter nothing else: "rows" below are the others. A row that a finite mask hides as a whole
/// comes out of the softmax uniform and cannot be told from real attention.
///
/// Query i stands at position keys − queries + i when causal, else at i.
struct AttentionHeadMetrics {
    std::int64_t queries = 0, keys = 0;
    bool causal = false;
    std::int64_t rows = 0;
    std::int64_t nonFiniteRows = 0, emptyRows = 0;
    std::int64_t firstBadRow = -1; ///< of either kind

    double highest = 0; ///< largest probability
    /// Mean over rows of −Σ_j p ln p, nats. \source Clark et al. 2019, arXiv:1906.04341
    double entropy = 0;
    /// Mean over rows that see n > 1 keys of the entropy divided by ln n: 0 looks at one key, 1 at all alike.
    std::optional<double> normalizedEntropy;
    /// Share of the attention that goes to the first key, over rows that see others too.
    /// \source Xiao et al. 2023, arXiv:2309.17453 (attention sinks)
    std::optional<double> sinkShare;
    std::int64_t strongestKey = -1; ///< receives most attention over all rows; the first of equals
    double strongestShare = 0;      ///< of all attention
    /// Attention by distance |position − key|, summing to 1, [keys]; empty when queries and keys are
    /// different tokens (queries ≠ keys and not causal). \source Vig, Belinkov 2019, arXiv:1906.04284 (its
    /// mean)
    std::vector<double> distance;
    std::optional<double> meanDistance; ///< Σ distance · d, in token positions
    std::vector<double> accumulated;    ///< a_j = Σ_i p_ij, [keys]: accumulated saliency
    /// a_j divided by the rows that can see key j, [keys]: the causal triangle, or all rows. 0 where none
    /// can. \source ZipCache, He et al. 2024, arXiv:2405.14256; methods B4 4.8
    std::vector<double> saliency;
};

/// Measures one head.
/// \param probabilities  float32 [queries, keys], both > 0
/// \param causal         whether query i sees keys up to its own position only; decides denominators, not
/// which
///                       entries are read
/// \error  Cancelled
/// \thread parallel over rows; the result does not depend on the thread count
Result<AttentionHeadMetrics> measureAttentionHead(MatrixView<const float> probabilities, bool causal,
                                                  const RunContext &ctx);

/// How far the attention of a quantized model is from that of the float model, over rows that both have.
struct AttentionAgreement {
    static constexpr std::int64_t kTopKeys = 5;

    std::int64_t rows = 0;
    double relativeL1 = 0; ///< Σ|q − p| / Σ p. \source methods B4 (common outputs)
    double cosine = 1;     ///< of all entries together
    double maxAbsError = 0;
    double meanKl = 0; ///< mean over rows of Σ p ln(p/q), nats; q is at least the smallest normal float32
    /// Mean over rows of the share of the float model's k strongest keys that the other has among its k
    /// strongest; k is 5, or as many as the row has non-zero. \source methods B6 6.3
    double topKeysKept = 1;
};

/// \param reference, other  float32 [queries, keys] of the same size
/// \error  Cancelled
/// \thread parallel over rows; the result does not depend on the thread count
Result<AttentionAgreement> compareAttention(MatrixView<const float> reference, MatrixView<const float> other,
                                            const RunContext &ctx);

/// Whether no query sees a later key: every entry beyond the diagonal is 0. Needs more than one key.
bool isCausalMap(MatrixView<const float> probabilities);

} // namespace qs
