#pragma once

#include "core/io/architectures/graph_writer.h"

namespace qs {

/// Positions for which tables of positions, rotations and masks are made, at most: a mask of all pairs of
/// 131072 positions would be 64 GiB. Sequences that are longer are refused by the graph.
inline constexpr std::int64_t kTablePositions = 2048;

/// Sizes of one attention.
struct AttentionShape {
    std::int64_t heads = 0;   ///< of queries
    std::int64_t kvHeads = 0; ///< of keys and values; divides heads
    std::int64_t width = 0;   ///< of a head
};

/// The first rows of a table [positions, ...] for the tokens of a sequence.
class SequenceTables {
public:
    /// \param ids  input [batch, sequence]
    SequenceTables(GraphWriter &graph, ValueId ids);
    ValueId rows(ValueId table) const; ///< [sequence, ...]
    /// Additive mask [sequence, sequence]: 0 where query i sees key j, i - window < j <= i, else -1e9.
    /// \param window  0 = all earlier keys
    ValueId causalMask(std::int64_t positions, std::int64_t window) const;
    /// Indices offset … offset + sequence - 1.
    ValueId positionIds(std::int64_t positions, std::int64_t offset) const;

private:
    ValueId cut(ValueId table, std::int64_t axis) const;

    GraphWriter &m_graph;
    ValueId m_length; ///< int64 [1]
};

/// [batch, tokens, heads · width] → [batch, heads, tokens, width].
ValueId splitHeads(GraphWriter &graph, const std::string &module, ValueId x, std::int64_t heads,
                   std::int64_t width);

/// softmax(scale · Q Kᵀ + mask) V of heads, joined to [batch, tokens, heads · width].
/// \param query  [batch, heads, tokens, width];  key, value  [batch, kvHeads, tokens, width]
/// \param mask   kNoValue: every query sees every key
ValueId attend(GraphWriter &graph, const std::string &module, const AttentionShape &shape, ValueId query,
               ValueId key, ValueId value, ValueId mask);

} // namespace qs
