#pragma once

#include "core/gradient/tape.h"
#include "core/io/calibration_set.h"

namespace qs {

/// A value of the network for every sample of the calibration set, in chunks of the batch size as they were
/// run.
class SampledValue {
public:
    void add(const Tensor &chunk) { m_chunks.push_back(chunk); }
    bool empty() const { return m_chunks.empty(); }
    const Tensor &chunk(std::size_t index) const { return m_chunks[index]; }
    std::size_t chunks() const { return m_chunks.size(); }
    /// Whether all chunks are the same, bit for bit (shapes, masks, position tables).
    bool isShared() const;
    /// Whether axis 0 counts the samples of a chunk.
    bool isPerSample(std::int64_t batchSize) const;
    /// These samples, one row each. The value must be per sample.
    Tensor gather(std::span<const std::int64_t> samples, std::int64_t batchSize) const;

private:
    std::vector<Tensor> m_chunks;
};

/// Carries the calibration set through the float and the quantized network in step, block by block, and keeps
/// what enters and leaves the block at hand. Memory: those values, and the live values of both networks.
/// \thread one user at a time
class BlockFeeder {
public:
    /// \param blocks      those that will be visited, in order of their nodes
    /// \param batchSize   samples per chunk; a model with a fixed batch dimension keeps its own
    /// \param maxSamples  cut to whole chunks
    /// \error what executor and set report;  Cancelled
    static Result<std::unique_ptr<BlockFeeder>>
    create(std::shared_ptr<const Executor> executor, const CalibrationSet &set, std::int64_t batchSize,
           std::int64_t maxSamples, std::vector<ReconstructionBlock> blocks, const RunContext &ctx);

    /// Goes on to a block behind the last one. \param prefix  substitutions for everything before it
    Status moveTo(std::size_t block, const PassOptions &prefix, const RunContext &ctx);

    const ReconstructionBlock &block() const { return m_blocks[m_at]; }
    const GradientTape &tape() const { return *m_tapes[m_at]; }
    std::int64_t batchSize() const { return m_batchSize; }
    std::int64_t samples() const { return m_batchSize * static_cast<std::int64_t>(m_float.size()); }
    /// An input of the block, by the float or by the quantized network.
    const SampledValue &floatInput(ValueId id) const { return m_floatValues.at(id); }
    const SampledValue &quantizedInput(ValueId id) const { return m_quantizedValues.at(id); }
    /// An output of the block in the float network.
    const SampledValue &target(ValueId id) const { return m_floatValues.at(id); }

private:
    BlockFeeder() = default;
    using Values = std::unordered_map<ValueId, SampledValue>;
    Status advance(std::vector<ExecutionState> &states, Values &values, NodeId until, PassOptions options,
                   const RunContext &ctx) const;

    std::shared_ptr<const Executor> m_executor;
    std::int64_t m_batchSize = 0;
    std::vector<ReconstructionBlock> m_blocks;
    std::vector<std::shared_ptr<const GradientTape>> m_tapes;
    std::size_t m_at = 0;
    std::vector<ExecutionState> m_float, m_quantized; ///< by chunk
    Values m_floatValues, m_quantizedValues;
};

} // namespace qs
