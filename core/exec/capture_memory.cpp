#include "core/exec/capture_memory.h"

#include "core/exec/capture_pass.h"
#include "core/exec/shape_trace.h"
#include "core/io/calibration_set.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>

namespace qs {
namespace {

std::int64_t bytesOf(const TracedValue &value) {
    return value.known ? static_cast<std::int64_t>(Tensor::byteSize(value.dtype, value.shape)) : 0;
}

/// The most that values hold between two nodes when each dies after its last reader.
std::int64_t peakOfValues(const ModelGraph &graph, const ShapeTrace &trace) {
    std::vector<NodeId> lastUse(graph.values().size(), kNoNode);
    const auto count = static_cast<NodeId>(graph.nodes().size());
    for (NodeId id = 0; id < count; ++id) {
        for (const ValueId input : graph.node(id).inputs)
            if (input != kNoValue)
                lastUse[static_cast<std::size_t>(input)] = id;
        for (const ValueId input : capturedValues(graph, graph.node(id)))
            lastUse[static_cast<std::size_t>(input)] = id;
    }
    for (const ValueId output : graph.outputs())
        lastUse[static_cast<std::size_t>(output)] = count;
    std::int64_t alive = 0, peak = 0;
    for (const ValueId input : graph.inputs())
        alive += bytesOf(trace[input]);
    for (NodeId id = 0; id < count; ++id) {
        for (const ValueId output : graph.node(id).outputs)
            if (output != kNoValue && !graph.constant(output))
                alive += bytesOf(trace[output]);
        peak = std::max(peak, alive);
        std::set<ValueId> done;
        for (const auto &ids : {graph.node(id).inputs, graph.node(id).outputs})
            for (const ValueId value : ids)
                if (value != kNoValue && !graph.constant(value) &&
                    lastUse[static_cast<std::size_t>(value)] <= id && done.insert(value).second)
                    alive -= bytesOf(trace[value]);
    }
    return peak;
}

/// The float64 rows that a Hessian multiplies at a time.
std::int64_t hessianScratch(const Layer &layer) {
    constexpr std::int64_t kRowBlock = 512;
    return layer.inPerOut * kRowBlock * static_cast<std::int64_t>(sizeof(double));
}

} // namespace

Result<CaptureMemory> planCaptureMemory(const Model &model, const CaptureOptions &options,
                                        const std::vector<Shape> &batch, const RunContext &ctx) {
    CaptureMemory memory;
    const auto trace = traceShapes(model.graph, batch, ctx);
    if (!trace && trace.error().code == ErrorCode::Cancelled)
        return fail(trace.error());
    memory.complete = trace && trace->gaps.empty();
    memory.activations = trace ? peakOfValues(model.graph, *trace) : 0;
    std::set<std::pair<ValueId, bool>> sites;
    for (const Layer &layer : model.layers) {
        if (layer.kind == LayerKind::Embedding)
            continue;
        const bool isConv = layer.kind == LayerKind::Conv;
        const std::int64_t channels = isConv ? layer.weightShape[1] * layer.groups : layer.inPerOut;
        const std::int64_t one = ActivationAccumulator::bytesFor(channels, options.sampleTokens);
        memory.statistics += one;                                                  // handed out
        memory.statistics += sites.insert({layer.input, isConv}).second ? one : 0; // gathered
    }
    memory.hessians = hessianRoom(model, options.hessians);
    return memory;
}

std::int64_t hessianRoom(const Model &model, const std::set<HessianWish> &wishes) {
    std::int64_t largest = 0;
    for (const HessianWish &wish : wishes) {
        const Layer &layer = model.layers[static_cast<std::size_t>(wish.layer)];
        largest = std::max(largest, hessianBytes(layer) + hessianScratch(layer));
    }
    return hessianBytes(model, wishes) + largest;
}

Status checkLimit(const CaptureMemory &memory, const Model &model, const CalibrationSet &set,
                  const CaptureOptions &options, FindingList &findings) {
    if (!memory.complete)
        findings.add(Severity::Info,
                     "The shapes of some activations could not be worked out: they may take more memory than "
                     "the limit says",
                     model.file.filename().string());
    if (memory.total() <= options.memoryLimit)
        return {};
    const SampleBatches batches = captureBatches(model, set, options);
    return fail(
        ErrorCode::OutOfMemory,
        fmt::format("calibration needs {}: {} for the activations of a batch of {} samples, {} for the "
                    "statistics of the layers, {} for Hessians; the limit is {}. Raise the memory limit",
                    mebibytes(memory.total()), mebibytes(memory.activations),
                    std::min(batches.size, batches.samples), mebibytes(memory.statistics),
                    mebibytes(memory.hessians), mebibytes(options.memoryLimit)),
        set.file().filename().string());
}

Result<std::vector<Shape>> batchShapes(const Model &model, const CalibrationSet &set,
                                       const CaptureOptions &options) {
    QS_CHECK_OK(checkFits(set, model.graph));
    const SampleBatches batches = captureBatches(model, set, options);
    return inputShapes(set, model.graph, std::min(batches.size, batches.samples));
}

std::string mebibytes(std::int64_t bytes) {
    return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1024 * 1024));
}

} // namespace qs
