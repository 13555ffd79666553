#pragma once

#include "core/gradient/tape.h"
#include "core/io/calibration_set.h"
#include "core/quant/block_method.h"

#include <set>

namespace qs {

/// Some samples of the calibration set: a chunk as it was run, or any samples, picked from all chunks.
struct SampleChoice {
    std::size_t chunk = 0;
    std::vector<std::int64_t> samples; ///< empty: the whole chunk
};

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
    /// These samples; a shared value is the same for all. Picked samples need a value per sample.
    Tensor at(const SampleChoice &choice, std::int64_t batchSize) const;

private:
    Tensor gather(std::span<const std::int64_t> samples, std::int64_t batchSize) const;

    std::vector<Tensor> m_chunks;
};

/// Carries the calibration set through the float and the quantized network in step, block by block, and keeps
/// what enters and leaves the block at hand. Memory: those values, and the live values of both networks.
/// \thread one user at a time
class BlockFeeder {
public:
    /// \param plan    samples per chunk (a model with a fixed batch dimension keeps its own), samples in all
    /// (cut
    ///                to whole chunks), and what passes will ask for
    /// \param blocks  those that will be visited, in order of their first nodes; they may overlap
    /// \error what executor and set report;  Cancelled
    static Result<std::unique_ptr<BlockFeeder>> create(std::shared_ptr<const Executor> executor,
                                                       const CalibrationSet &set, const BlockPlan &plan,
                                                       std::vector<ReconstructionBlock> blocks,
                                                       const RunContext &ctx);

    /// Goes on to a block behind the last one. \param prefix  substitutions for everything before it
    /// \error Unsupported  the block passes on numbers that are not float32
    Status moveTo(std::size_t block, const PassOptions &prefix, const RunContext &ctx);

    const ReconstructionBlock &block() const { return m_blocks[m_at]; }
    const GradientTape &tape() const { return *m_tape; }
    /// From the block to the end of the network; only when the plan wants terms of the model's outputs.
    const GradientTape &tapeToEnd() const { return *m_tapeToEnd; }
    bool knowsModelOutputs() const { return m_wantsModelOutputs; }
    bool knowsLayerOutputs() const { return m_wantsLayerOutputs; }
    std::int64_t batchSize() const { return m_batchSize; }
    std::size_t chunks() const { return m_float.size(); }
    std::int64_t samples() const { return m_batchSize * static_cast<std::int64_t>(m_float.size()); }
    /// An input of the block, by the float or by the quantized network.
    const SampledValue &floatInput(ValueId id) const { return m_floatValues.at(id); }
    const SampledValue &quantizedInput(ValueId id) const { return m_quantizedValues.at(id); }
    /// In the float network: an output of the block, of the model, or of a layer of the block.
    const SampledValue &target(ValueId id) const { return m_floatValues.at(id); }
    const std::unordered_map<ValueId, SampledValue> &modelOutputs() const { return m_modelOutputs; }

private:
    BlockFeeder() = default;
    using Values = std::unordered_map<ValueId, SampledValue>;
    NodeRange rangeToEnd(std::size_t block) const;
    Status readSamples(const CalibrationSet &set, std::int64_t begin, const RunContext &ctx);
    std::set<ValueId> valuesWanted(bool targets) const;
    Status advance(std::vector<ExecutionState> &states, Values &values, bool targets, NodeId until,
                   PassOptions options, const RunContext &ctx) const;

    std::shared_ptr<const Executor> m_executor;
    std::int64_t m_batchSize = 0;
    std::vector<ReconstructionBlock> m_blocks;
    bool m_wantsModelOutputs = false, m_wantsLayerOutputs = false;
    std::size_t m_at = 0;
    std::shared_ptr<const GradientTape> m_tape, m_tapeToEnd; ///< of the block at hand
    std::vector<ExecutionState> m_float, m_quantized;        ///< by chunk
    Values m_floatValues, m_quantizedValues, m_modelOutputs;
};

} // namespace qs
