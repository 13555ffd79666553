#include "core/analysis/block_data.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <set>

namespace qs {
namespace {

bool sameBytes(const Tensor &a, const Tensor &b) {
    return a.dtype() == b.dtype() && a.shape() == b.shape() &&
           std::memcmp(a.bytes(), b.bytes(), a.sizeBytes()) == 0;
}

/// The batch dimension that the model's inputs fix, or `wanted`.
std::int64_t batchOf(const ModelGraph &graph, std::int64_t wanted) {
    for (const ValueId input : graph.inputs()) {
        const Value &value = graph.value(input);
        if (value.hasShape && value.shape.rank() > 0 && value.shape[0] > 0)
            return value.shape[0];
    }
    return wanted;
}

} // namespace

bool SampledValue::isShared() const {
    return std::ranges::all_of(m_chunks, [&](const Tensor &chunk) { return sameBytes(chunk, m_chunks[0]); });
}

bool SampledValue::isPerSample(std::int64_t batchSize) const {
    return std::ranges::all_of(m_chunks, [&](const Tensor &chunk) {
        return chunk.shape().rank() > 0 && chunk.shape()[0] == batchSize &&
               chunk.shape() == m_chunks[0].shape() && dtypeBits(chunk.dtype()) % 8 == 0;
    });
}

Tensor SampledValue::gather(std::span<const std::int64_t> samples, std::int64_t batchSize) const {
    Shape shape = m_chunks[0].shape();
    shape[0] = static_cast<std::int64_t>(samples.size());
    Tensor result = Tensor::allocate(m_chunks[0].dtype(), shape);
    const std::size_t rowBytes = m_chunks[0].sizeBytes() / static_cast<std::size_t>(batchSize);
    for (std::size_t i = 0; i < samples.size(); ++i) {
        const auto chunk = static_cast<std::size_t>(samples[i] / batchSize);
        const auto row = static_cast<std::size_t>(samples[i] % batchSize);
        std::memcpy(result.mutableBytes() + i * rowBytes, m_chunks[chunk].bytes() + row * rowBytes, rowBytes);
    }
    return result;
}

Result<std::unique_ptr<BlockFeeder>> BlockFeeder::create(std::shared_ptr<const Executor> executor,
                                                         const CalibrationSet &set, std::int64_t batchSize,
                                                         std::int64_t maxSamples,
                                                         std::vector<ReconstructionBlock> blocks,
                                                         const RunContext &ctx) {
    std::unique_ptr<BlockFeeder> feeder(new BlockFeeder);
    const Model &model = executor->model();
    QS_CHECK_OK(checkFits(set, model.graph));
    const std::int64_t available = std::min(set.samples(), std::max<std::int64_t>(1, maxSamples));
    feeder->m_batchSize = batchOf(model.graph, std::clamp<std::int64_t>(batchSize, 1, available));
    std::shared_ptr<const Model> shared(executor, &model);
    for (const ReconstructionBlock &block : blocks) {
        QS_TRY(auto tape, GradientTape::create(shared, block.nodes));
        feeder->m_tapes.push_back(std::move(tape));
    }
    for (std::int64_t begin = 0; begin + feeder->m_batchSize <= available; begin += feeder->m_batchSize) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        QS_TRY(std::vector<Tensor> inputs,
               readModelInputs(set, model.graph, begin, begin + feeder->m_batchSize));
        // Inputs of the graph are read by blocks, too.
        for (std::size_t i = 0; i < inputs.size(); ++i)
            for (Values *values : {&feeder->m_floatValues, &feeder->m_quantizedValues})
                (*values)[model.graph.inputs()[i]].add(inputs[i]);
        QS_TRY(ExecutionState state, executor->begin(std::move(inputs), {}));
        feeder->m_quantized.push_back(state);
        feeder->m_float.push_back(std::move(state));
    }
    if (feeder->m_float.empty())
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("the calibration set has {} samples, fewer than a batch of {}", available,
                                feeder->m_batchSize));
    feeder->m_executor = std::move(executor);
    feeder->m_blocks = std::move(blocks);
    return feeder;
}

Status BlockFeeder::advance(std::vector<ExecutionState> &states, Values &values, NodeId until,
                            PassOptions options, const RunContext &ctx) const {
    std::set<ValueId> wanted;
    for (std::size_t b = m_at; b < m_blocks.size(); ++b) {
        wanted.insert(m_tapes[b]->inputs().begin(), m_tapes[b]->inputs().end());
        wanted.insert(m_blocks[b].outputs.begin(), m_blocks[b].outputs.end());
    }
    for (const ValueId id : wanted)
        if (m_executor->model().graph.value(id).producer != kNoNode)
            options.taps[id] = [&values, id](const Tensor &tensor) { values[id].add(tensor); };
    for (ExecutionState &state : states)
        QS_CHECK_OK(m_executor->advance(state, until, options, ctx));
    // What no later block reads is let go.
    std::erase_if(values, [&](const auto &entry) { return !wanted.contains(entry.first); });
    return {};
}

Status BlockFeeder::moveTo(std::size_t block, const PassOptions &prefix, const RunContext &ctx) {
    m_at = block;
    QS_CHECK_OK(advance(m_quantized, m_quantizedValues, m_blocks[block].nodes.begin, prefix, ctx));
    return advance(m_float, m_floatValues, m_blocks[block].nodes.end, {}, ctx);
}

} // namespace qs
