#pragma once

#include "core/graph/model.h"

#include <optional>

namespace qs {

/// What keeps queries from keys before the softmax. Causal: a constant of the graph that lets query i see
/// keys 0..i. Other: something that only a run can tell.
enum class AttentionMask { None, Causal, Other };
const char *attentionMaskName(AttentionMask mask);

/// One attention as it stands in a graph: softmax(scale · Q Kᵀ + mask) V. Heads are all axes of a value but
/// the last two, whatever their number.
struct AttentionBlock {
    std::string name;            ///< unique, from the softmax node: "layers.0.self_attn"
    NodeId scoresNode = kNoNode; ///< MatMul of Q and Kᵀ
    NodeId softmaxNode = kNoNode;
    NodeId outputNode = kNoNode;      ///< MatMul of the probabilities and V
    ValueId query = kNoValue;         ///< [..., heads, queries, width]
    ValueId key = kNoValue;           ///< [..., heads, width, keys]: Kᵀ as the product reads it
    ValueId value = kNoValue;         ///< [..., heads, keys, width]
    ValueId scores = kNoValue;        ///< Q Kᵀ, [..., heads, queries, keys]
    ValueId logits = kNoValue;        ///< what the softmax reads: scaled and masked
    ValueId probabilities = kNoValue; ///< what is multiplied with V
    ValueId output = kNoValue;        ///< [..., heads, queries, width]
    ValueId keyHeads = kNoValue;      ///< K before grouped heads are repeated and before it is transposed
    ValueId valueHeads = kNoValue;    ///< V before grouped heads are repeated
    bool grouped = false;             ///< several query heads share one head of K and V
    AttentionMask mask = AttentionMask::None;
    std::optional<double> scale = 1.0; ///< constant factor of the scores; empty when it is computed
    std::int64_t heads = 0, kvHeads = 0, headWidth = 0; ///< 0 when the graph does not say
    std::vector<LayerId> layers; ///< that make Q, K and V, then those that read the output
};

/// A softmax or fused operator that looks like attention and is not followed, with the reason.
struct AttentionNearMiss {
    NodeId node = kNoNode;
    std::string reason;
};

/// The attention of a model, in topological order, and what the search came across.
struct AttentionSearch {
    std::vector<AttentionBlock> blocks;
    std::vector<AttentionNearMiss> nearMisses;
    std::int64_t softmaxNodes = 0;

    /// What was looked for, what was found, and why each near match failed: sentences for people.
    std::string report(const ModelGraph &graph) const;
    /// The block to which a layer belongs, -1 when there is none.
    int blockOfLayer(LayerId layer) const;
};

/// Finds attention by pattern: MatMul of two activations, then in any order factors (Mul, Div), masks (Add,
/// Sub, Where, Max, Min) and casts, Softmax over the last axis, MatMul with a third activation. Grouped
/// queries are found as an Expand or Tile between K or V and its product. \thread pure
AttentionSearch findAttention(const Model &model);

} // namespace qs
