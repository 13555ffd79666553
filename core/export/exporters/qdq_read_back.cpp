#include "core/export/exporters/qdq_read_back.h"

#include "core/io/importer.h"
#include "core/tensor/convert.h"

#include <algorithm>
#include <fmt/format.h>

namespace qs {
namespace {

constexpr double kTolerance = 1e-6;

tl::unexpected<Error> mismatch(const std::string &what, const std::string &where) {
    return fail(ErrorCode::CorruptFile,
                "the written file does not hold what was meant: " + what + "; please report this as a bug",
                where);
}

/// nullptr when the input is absent or no constant.
const Tensor *constantInput(const ModelGraph &graph, const Node &node, std::size_t index) {
    const bool given = index < node.inputs.size() && node.inputs[index] != kNoValue;
    return given ? graph.constant(node.inputs[index]) : nullptr;
}

Result<double> worstDifference(const Tensor &expected, const Tensor &found, const std::string &where) {
    if (expected.shape() != found.shape())
        return mismatch(
            fmt::format("weight shape {} instead of {}", found.shape().text(), expected.shape().text()),
            where);
    double worst = 0, largest = 0;
    const auto a = expected.values<float>(), b = found.values<float>();
    for (std::size_t i = 0; i < a.size(); ++i) {
        worst = std::max(worst, std::abs(static_cast<double>(a[i]) - b[i]));
        largest = std::max(largest, std::abs(static_cast<double>(a[i])));
    }
    if (!(worst <= kTolerance * largest))
        return mismatch(fmt::format("weights differ by {:.3g}", worst), where);
    return worst;
}

ValueId inputOf(const Node &node, std::size_t index) {
    return index < node.inputs.size() ? node.inputs[index] : kNoValue;
}

const Node *producerOf(const ModelGraph &graph, ValueId id) {
    const NodeId node = id == kNoValue ? kNoNode : graph.value(id).producer;
    return node == kNoNode ? nullptr : &graph.node(node);
}

/// In models of other types than float32 a Cast follows every pair.
const Node *behindCast(const ModelGraph &graph, const Node *node) {
    return node && node->opType == "Cast" ? producerOf(graph, inputOf(*node, 0)) : node;
}

/// The layer's input must come from a pair whose two halves agree with the simulated grid.
Status compareActivation(const ModelGraph &graph, ValueId input, float scale, const std::string &where) {
    const Node *dequantize = behindCast(graph, producerOf(graph, input));
    const Node *quantize = dequantize ? producerOf(graph, inputOf(*dequantize, 0)) : nullptr;
    if (!quantize || dequantize->opType != "DequantizeLinear" || quantize->opType != "QuantizeLinear")
        return mismatch("an activation without its pair", where);
    for (const std::size_t index : {1, 2}) {
        const Tensor *a = constantInput(graph, *quantize, index),
                     *b = constantInput(graph, *dequantize, index);
        if (!a || !b || a->numel() != 1 || a->dtype() != b->dtype() || a->sizeBytes() != b->sizeBytes() ||
            !std::equal(a->bytes(), a->bytes() + a->sizeBytes(), b->bytes()))
            return mismatch("a pair whose halves differ", where);
        if (index == 1 && (a->dtype() != DType::Float32 || a->values<float>()[0] != scale))
            return mismatch("another activation scale", where);
    }
    return {};
}

/// Two pairs with the steps of the regions, added.
Status compareRegions(const ModelGraph &graph, ValueId input, const RegionGrid &grid,
                      const std::string &where) {
    const Node *sum = producerOf(graph, input);
    if (!sum || sum->opType != "Add")
        return mismatch("an activation without the sum of its regions", where);
    QS_CHECK_OK(compareActivation(graph, inputOf(*sum, 0), grid.step, where));
    return compareActivation(graph, inputOf(*sum, 1), grid.negativeStep(), where);
}

/// A layer in the written file: its node, and what is added to the output of that.
struct WrittenLayer {
    const Node *node = nullptr;
    const Node *branch = nullptr;   ///< its output is that of the branch
    const Tensor *offset = nullptr; ///< of a bias correction
};

Result<WrittenLayer> findLayer(const Model &model, const Layer &layer, const QuantizedLayer &expected,
                               const ModelGraph &written) {
    const bool hasBranch = expected.weight && expected.weight->branch;
    WrittenLayer found{producerOf(written, written.findValue(model.graph.value(layer.output).name))};
    if (found.node && (hasBranch || !expected.outputOffset.empty())) {
        if (found.node->opType != "Add")
            return mismatch("an output to which nothing is added", layer.name);
        const Node &sum = *found.node;
        found.node = producerOf(written, inputOf(sum, 0));
        found.branch = producerOf(written, inputOf(sum, 1));
        found.offset = constantInput(written, sum, 1);
        if (hasBranch && !expected.outputOffset.empty() && found.branch) {
            found.offset = constantInput(written, *found.branch, 1);
            found.branch = producerOf(written, inputOf(*found.branch, 0));
        }
    }
    if (!found.node)
        return mismatch("the layer is missing", layer.name);
    if (found.node->opType != model.graph.node(layer.node).opType)
        return mismatch("another operator, " + found.node->opType, layer.name);
    if (inputOf(*found.node, static_cast<std::size_t>(std::max(layer.inputIndex, layer.weightIndex))) ==
        kNoValue)
        return mismatch("the layer lost an input", layer.name);
    return found;
}

Status compareOffset(const Layer &layer, std::span<const float> expected, const Tensor *found) {
    if (expected.empty())
        return {};
    if (!found || found->dtype() != DType::Float32 || found->numel() != layer.outChannels ||
        found->shape()[layer.kind == LayerKind::Conv ? 1 : 0] != layer.outChannels ||
        !std::ranges::equal(found->values<float>(), expected))
        return mismatch("another bias correction", layer.name);
    return {};
}

/// Whether a value is what enters the layer's node, seen through the pair and the clip in front of it.
bool isUnquantizedInput(const ModelGraph &graph, ValueId value, ValueId input, bool hasPair) {
    if (hasPair) {
        const Node *dequantize = producerOf(graph, input);
        if (dequantize && dequantize->opType == "Add") // of the pairs of two regions
            dequantize = producerOf(graph, inputOf(*dequantize, 0));
        const Node *quantize = dequantize ? producerOf(graph, inputOf(*dequantize, 0)) : nullptr;
        input = quantize ? inputOf(*quantize, 0) : kNoValue;
        const Node *clip = producerOf(graph, input);
        if (clip && clip->opType == "Clip" && inputOf(*clip, 0) == value)
            return value != kNoValue;
    }
    return value != kNoValue && value == input;
}

/// The branch must read what entered the layer before that was quantized, and its factors, or the one weight
/// that they make, must be those of the run.
Result<double> compareBranch(const ModelGraph &graph, const Layer &layer, const QuantizedLayer &expected,
                             const WrittenLayer &found) {
    if (!found.branch || found.branch->opType != found.node->opType)
        return mismatch("a branch is missing", layer.name);
    const Node *inner = producerOf(graph, inputOf(*found.branch, 0));
    const Tensor *down = inner && inner->opType == "MatMul" ? constantInput(graph, *inner, 1) : nullptr;
    const Tensor *weight = constantInput(graph, *found.branch, static_cast<std::size_t>(layer.weightIndex));
    const bool split = found.branch->opType == "MatMul" && down && weight;
    const Node &reader = split ? *inner : *found.branch;
    const auto slot = static_cast<std::size_t>(layer.inputIndex);
    if (!weight || !isUnquantizedInput(graph, inputOf(reader, slot), inputOf(*found.node, slot),
                                       expected.quantizesActivation()))
        return mismatch("a branch that does not read the activation as it is", layer.name);
    // Stored factors are those of the transposed weight: [cols, rank] · [rank, rows].
    return worstDifference(toStoredLayout(layer, expected.weight->branch->product()),
                           split ? LowRankBranch{*weight, *down}.product() : *weight, layer.name);
}

Result<double> compareLayer(const Model &model, const Layer &layer, const QuantizedLayer &expected,
                            const ModelGraph &written) {
    QS_TRY(const WrittenLayer found, findLayer(model, layer, expected, written));
    const Node &node = *found.node;
    QS_CHECK_OK(compareOffset(layer, expected.outputOffset, found.offset));
    if (expected.activation)
        QS_CHECK_OK(compareActivation(written, node.inputs[static_cast<std::size_t>(layer.inputIndex)],
                                      expected.activation->scale, layer.name));
    if (expected.activationRegion)
        QS_CHECK_OK(compareRegions(written, node.inputs[static_cast<std::size_t>(layer.inputIndex)],
                                   *expected.activationRegion, layer.name));
    const Tensor *read = constantInput(written, node, static_cast<std::size_t>(layer.weightIndex));
    if (!read)
        return mismatch("a weight that cannot be read", layer.name);
    QS_TRY(const Tensor weight, toFloat32(*read));
    if (!expected.weight) {
        QS_TRY(const Tensor original, toFloat32(*model.graph.constant(layer.weight)));
        return worstDifference(original, weight, layer.name);
    }
    QS_TRY(const Tensor stored, castTensor(toStoredLayout(layer, expected.weight->dequantizeWithoutBranch()),
                                           model.graph.constant(layer.weight)->dtype()));
    QS_TRY(const Tensor meant, toFloat32(stored));
    QS_TRY(double worst, worstDifference(meant, weight, layer.name));
    if (expected.weight->branch) {
        QS_TRY(const double branch, compareBranch(written, layer, expected, found));
        worst = std::max(worst, branch);
    }
    return worst;
}

} // namespace

Result<double> compareWithRun(const Run &run, const std::filesystem::path &written, const RunContext &ctx) {
    FindingList unused;
    auto opened = openModel(written, unused, ctx);
    if (!opened && opened.error().code == ErrorCode::Cancelled)
        return fail(std::move(opened).error());
    if (!opened)
        return mismatch(opened.error().message, opened.error().where);
    double worst = 0;
    for (const auto &result : run.layers) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        const Layer &layer = run.quantizedModel()->layers[static_cast<std::size_t>(result->layer)];
        ctx.step(result->layer, static_cast<std::int64_t>(run.layers.size()), "checking the written file");
        const bool quantized = result->state == LayerResult::State::Quantized;
        QS_TRY(const double difference,
               compareLayer(*run.quantizedModel(), layer, quantized ? result->quantized : QuantizedLayer{},
                            (*opened)->graph));
        worst = std::max(worst, difference);
    }
    return worst;
}

} // namespace qs
