#pragma once

#include "core/exec/executor.h"
#include "core/graph/attention.h"
#include "core/tensor/matrix_view.h"

namespace qs {

/// What a sample makes of one attention. Heads are joined to one axis; all float32.
struct AttentionValues {
    Tensor probabilities; ///< [heads, queries, keys]
    Tensor output;        ///< [heads, queries, width]
    Tensor keys;          ///< [kvHeads, keys, width] as the product reads them: after rotary embedding
    Tensor values;        ///< [kvHeads, keys, width]

    std::int64_t heads() const { return probabilities.shape()[0]; }
    MatrixView<const float> probabilitiesOf(std::int64_t head) const;
};

/// Entries [axis 0 = head] of a tensor of rank 3 as a matrix.
MatrixView<const float> headMatrix(const Tensor &tensor, std::int64_t head);

/// One sample, and the model that it runs through.
struct AttentionInput {
    std::shared_ptr<const Executor> executor;
    std::shared_ptr<const AttentionSearch> attention;
    std::vector<Tensor> inputs; ///< of the model; axis 0 = 1 sample
    PassOptions substitutions;  ///< what makes it the quantized model; nothing for the float model
    /// Refused before it is computed: probabilities of one attention beyond this many bytes.
    std::int64_t maxMapBytes = std::int64_t{2} << 30;
};

/// Runs one sample from attention to attention. Of the large tensors only the probabilities of the block
/// asked for are kept; while the executor computes them it needs about twice as much besides.
class AttentionPass {
public:
    /// \param blocks  indices into the search, ascending: what will be asked for
    /// \error what the executor reports about inputs
    static Result<AttentionPass> begin(const AttentionInput &input, const std::vector<std::size_t> &blocks);

    /// Computes as far as this block needs; each block once, in ascending order.
    /// \error OutOfMemory  its probabilities would exceed maxMapBytes;  Cancelled; what the executor reports
    Result<AttentionValues> advanceTo(std::size_t block, const RunContext &ctx);

private:
    struct Tapped {
        Tensor query, key, keys, values, probabilities, output;
    };
    AttentionPass(const AttentionInput &input, const std::vector<std::size_t> &blocks);
    void tap(ValueId value, std::size_t block, Tensor Tapped::*field);
    Status checkSize(const AttentionBlock &block, const Tapped &tapped) const;

    std::shared_ptr<const Executor> m_executor;
    std::shared_ptr<const AttentionSearch> m_attention;
    std::int64_t m_maxMapBytes;
    PassOptions m_options;
    ExecutionState m_state;
    std::shared_ptr<std::map<std::size_t, Tapped>> m_tapped; ///< by block
};

} // namespace qs
