#include "core/analysis/block_data.h"

#include "core/analysis/output_classes.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace qs {
namespace {

bool sameBytes(const Tensor &a, const Tensor &b) {
    return a.dtype() == b.dtype() && a.shape() == b.shape() &&
           std::memcmp(a.bytes(), b.bytes(), a.sizeBytes()) == 0;
}

} // namespace

bool SampledValue::isShared() const {
    return std::all_of(m_chunks.begin() + 1, m_chunks.end(),
                       [&](const Tensor &chunk) { return sameBytes(chunk, m_chunks[0]); });
}

bool SampledValue::isPerSample(std::int64_t batchSize) const {
    return std::ranges::all_of(m_chunks, [&](const Tensor &chunk) {
        return chunk.shape().rank() > 0 && chunk.shape()[0] == batchSize &&
               chunk.shape() == m_chunks[0].shape() && dtypeBits(chunk.dtype()) % 8 == 0;
    });
}

Tensor SampledValue::at(const SampleChoice &choice, std::int64_t batchSize) const {
    if (choice.samples.empty())
        return m_chunks[choice.chunk];
    return isPerSample(batchSize) ? gather(choice.samples, batchSize) : m_chunks[0];
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
                                                         const CalibrationSet &set, const BlockPlan &plan,
                                                         std::vector<ReconstructionBlock> blocks,
                                                         const RunContext &ctx) {
    std::unique_ptr<BlockFeeder> feeder(new BlockFeeder);
    const Model &model = executor->model();
    QS_CHECK_OK(checkFits(set, model.graph));
    const SampleBatches batches =
        planBatches(set, model.graph, std::max<std::int64_t>(1, plan.maxSamples), plan.batchSize);
    const std::int64_t available = batches.samples;
    feeder->m_batchSize = std::min(batches.size, available);
    feeder->m_wantsModelOutputs = plan.wants(BlockTerm::FisherError) || plan.wants(BlockTerm::ModelKl);
    feeder->m_wantsLayerOutputs = plan.wants(BlockTerm::LayerKl);
    feeder->m_executor = std::move(executor);
    feeder->m_blocks = std::move(blocks);
    for (std::int64_t begin = 0; begin + feeder->m_batchSize <= available; begin += feeder->m_batchSize)
        QS_CHECK_OK(feeder->readSamples(set, begin, ctx));
    if (feeder->m_float.empty())
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("the calibration set has {} samples, fewer than a batch of {}", available,
                                feeder->m_batchSize));
    return feeder;
}

Status BlockFeeder::readSamples(const CalibrationSet &set, std::int64_t begin, const RunContext &ctx) {
    if (ctx.cancelled())
        return RunContext::cancelledError();
    const ModelGraph &graph = m_executor->model().graph;
    QS_TRY(std::vector<Tensor> inputs, readModelInputs(set, graph, begin, begin + m_batchSize));
    // Inputs of the graph are read by blocks, too.
    for (std::size_t i = 0; i < inputs.size(); ++i)
        for (Values *values : {&m_floatValues, &m_quantizedValues})
            (*values)[graph.inputs()[i]].add(inputs[i]);
    if (m_wantsModelOutputs) {
        QS_TRY(const std::vector<Tensor> outputs, m_executor->run(inputs, {}, ctx));
        for (std::size_t i = 0; i < outputs.size(); ++i)
            if (outputs[i].dtype() == DType::Float32 && !areIndices(graph, graph.outputs()[i]))
                m_modelOutputs[graph.outputs()[i]].add(outputs[i]);
    }
    QS_TRY(ExecutionState state, m_executor->begin(std::move(inputs), {}));
    m_quantized.push_back(state);
    m_float.push_back(std::move(state));
    return {};
}

NodeRange BlockFeeder::rangeToEnd(std::size_t block) const {
    return {m_blocks[block].nodes.begin, static_cast<NodeId>(m_executor->model().graph.nodes().size())};
}

/// What this block and those behind it read, and with `targets` also what they are compared with.
std::set<ValueId> BlockFeeder::valuesWanted(bool targets) const {
    const Model &model = m_executor->model();
    std::set<ValueId> wanted;
    for (std::size_t b = m_at; b < m_blocks.size(); ++b) {
        const NodeRange range = m_wantsModelOutputs ? rangeToEnd(b) : m_blocks[b].nodes;
        const std::vector<ValueId> inputs = valuesReadFromOutside(model.graph, range);
        wanted.insert(inputs.begin(), inputs.end());
        if (!targets)
            continue;
        wanted.insert(m_blocks[b].outputs.begin(), m_blocks[b].outputs.end());
        if (m_wantsLayerOutputs)
            for (const LayerId layer : m_blocks[b].layers)
                wanted.insert(model.layers[static_cast<std::size_t>(layer)].output);
    }
    return wanted;
}

Status BlockFeeder::advance(std::vector<ExecutionState> &states, Values &values, bool targets, NodeId until,
                            PassOptions options, const RunContext &ctx) const {
    const std::set<ValueId> wanted = valuesWanted(targets);
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
    const NodeRange range = m_blocks[block].nodes;
    std::shared_ptr<const Model> model(m_executor, &m_executor->model());
    QS_TRY(m_tape, GradientTape::create(model, range));
    if (m_wantsModelOutputs) {
        QS_TRY(m_tapeToEnd, GradientTape::create(model, rangeToEnd(block)));
    }
    QS_CHECK_OK(advance(m_quantized, m_quantizedValues, false, range.begin, prefix, ctx));
    QS_CHECK_OK(advance(m_float, m_floatValues, true, range.end, {}, ctx));
    for (const ValueId id : m_blocks[block].outputs)
        if (const DType type = m_floatValues.at(id).chunk(0).dtype(); type != DType::Float32)
            return fail(ErrorCode::Unsupported,
                        fmt::format("passes on '{}' as {}; the loss needs float32",
                                    m_executor->model().graph.value(id).name, dtypeName(type)),
                        m_blocks[block].name);
    return {};
}

} // namespace qs
