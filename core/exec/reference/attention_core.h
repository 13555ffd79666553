#pragma once

#include "core/exec/kernel.h"

namespace qs {

/// The three operands of attention, float32 and contiguous. Query head h reads key head
/// h / (heads / keyHeads).
struct AttentionHeads {
    Tensor query; ///< [batch, heads, length, size]
    Tensor key;   ///< [batch, keyHeads, keys, size]
    Tensor value; ///< [batch, keyHeads, keys, valueSize]
};

/// What happens to scores before the softmax, in this order.
struct AttentionRule {
    double scale = 0;   ///< of query · key; 0 = 1 / sqrt(size)
    double softcap = 0; ///< c · tanh(score / c); 0 = off
    Tensor bias;        ///< float32, added; broadcasts to [batch, heads, length, keys]; empty = none
    bool causal = false;
    std::int64_t past = 0; ///< with causal, query i sees the keys up to i + past
};

/// softmax(rule(query · keyᵀ)) · value: float32 [batch, heads, length, valueSize].
/// \error InvalidArgument  shapes do not fit. Cancelled
/// \source Vaswani et al. 2017, arXiv:1706.03762, eq. 1
Result<Tensor> attend(const KernelCall &call, const AttentionHeads &heads, const AttentionRule &rule);

/// [batch, length, heads · size] as [batch, heads, length, size], and back.
/// \error InvalidArgument  the last axis cannot be cut into so many heads
Result<Tensor> splitHeads(const KernelCall &call, const Tensor &rows, std::int64_t heads);
Result<Tensor> joinHeads(const KernelCall &call, const Tensor &heads);

/// Columns [begin, begin + count) of the last axis of a float32 tensor, with a bias added where one is given.
Result<Tensor> columnsOf(const KernelCall &call, const Tensor &rows, std::int64_t begin, std::int64_t count,
                         const float *bias = nullptr);

/// The angles of rotary embedding: cosine and sine [rows, rotated / 2], and which row a token takes.
struct RotaryTable {
    const float *cosine = nullptr, *sine = nullptr;
    std::int64_t rows = 0, half = 0;
    std::vector<std::int64_t> positions; ///< row of every [batch, length]
    bool interleaved = false;            ///< pairs are neighbours, not halves
};

/// Rotates the first 2 · half elements of every head of float32 [batch, heads, length, size] in place.
/// \error InvalidArgument  a position without a row; heads smaller than what is rotated
/// \source Su et al. 2021, arXiv:2104.09864, eq. 34
Status rotateHeads(Tensor &heads, const RotaryTable &table);

} // namespace qs
