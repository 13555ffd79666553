#include "core/export/exporters/qdq_read_back.h"

#include "core/io/importer.h"
#include "core/tensor/convert.h"

#include <fmt/format.h>

namespace qs {
namespace {

constexpr double kTolerance = 1e-6;

tl::unexpected<Error> mismatch(const std::string &what, const std::string &where) {
    return fail(ErrorCode::CorruptFile,
                "the written file does not hold what was meant: " + what + "; please report this as a bug",
                where);
}

const Tensor *constantInput(const ModelGraph &graph, const Node &node, std::size_t index) {
    const bool given = index < node.inputs.size() && node.inputs[index] != kNoValue;
    return given ? graph.constant(node.inputs[index]) : nullptr;
}

/// (x − zeroPoint) · scale, with one scale in all, one per index of `axis`, or one per block along it.
/// \source ONNX DequantizeLinear 21
Result<Tensor> dequantizeLinear(const ModelGraph &graph, const Node &node) {
    const Tensor *codes = constantInput(graph, node, 0), *scale = constantInput(graph, node, 1);
    const Tensor *zeroPoint = constantInput(graph, node, 2);
    if (!codes || !scale || !zeroPoint || scale->dtype() != DType::Float32)
        return mismatch("a DequantizeLinear without constants", node.name);
    QS_TRY(const Tensor x, toFloat32(*codes));
    QS_TRY(const Tensor z, toFloat32(*zeroPoint));
    const Shape &shape = x.shape();
    const bool perTensor = scale->numel() == 1;
    const int axis = perTensor ? 0 : static_cast<int>(node.intAttribute("axis", 1));
    const std::int64_t block = std::max<std::int64_t>(1, node.intAttribute("block_size", 0));
    const bool blocked = node.hasAttribute("block_size");
    const std::int64_t outer = shape.numelBetween(0, axis), size = axis < shape.rank() ? shape[axis] : 1;
    const std::int64_t inner = shape.numel() / std::max<std::int64_t>(1, outer * size);
    const std::int64_t steps = (size + block - 1) / block;
    const std::int64_t expected = perTensor ? 1 : blocked ? outer * steps * inner : size;
    if (scale->numel() != expected || zeroPoint->shape() != scale->shape())
        return mismatch("scale or zero point of a wrong shape", node.name);
    Tensor values = Tensor::allocate(DType::Float32, shape);
    const float *code = x.values<float>().data(), *zero = z.values<float>().data();
    const float *step = scale->values<float>().data();
    float *value = values.mutableValues<float>().data();
    for (std::int64_t o = 0; o < outer; ++o)
        for (std::int64_t a = 0; a < size; ++a)
            for (std::int64_t i = 0; i < inner; ++i) {
                const std::int64_t slice = perTensor ? 0 : blocked ? (o * steps + a / block) * inner + i : a;
                *value++ = (*code++ - zero[slice]) * step[slice];
            }
    return values;
}

Result<Tensor> gather(const Tensor &values, const Tensor &indices, int axis, const std::string &where) {
    QS_TRY(const std::vector<std::int64_t> sources, toInt64Vector(indices));
    Shape shape = values.shape();
    const std::int64_t outer = shape.numelBetween(0, axis), size = shape[axis];
    const std::int64_t inner = shape.numelBetween(axis + 1, shape.rank());
    shape[axis] = static_cast<std::int64_t>(sources.size());
    Tensor gathered = Tensor::allocate(DType::Float32, shape);
    float *dst = gathered.mutableValues<float>().data();
    for (std::int64_t o = 0; o < outer; ++o)
        for (const std::int64_t source : sources) {
            if (source < 0 || source >= size)
                return mismatch("a column index out of range", where);
            const float *src = values.values<float>().data() + (o * size + source) * inner;
            dst = std::copy(src, src + inner, dst);
        }
    return gathered;
}

/// The value of a constant, or of the few operators that turn codes into weights.
Result<Tensor> weightValue(const ModelGraph &graph, ValueId id) {
    if (const Tensor *constant = graph.constant(id))
        return toFloat32(*constant);
    const NodeId producer = graph.value(id).producer;
    if (producer == kNoNode)
        return mismatch("a weight that nothing produces", graph.value(id).name);
    const Node &node = graph.node(producer);
    if (node.opType == "DequantizeLinear")
        return dequantizeLinear(graph, node);
    const Tensor *second = constantInput(graph, node, 1);
    if (!second || (node.opType != "Gather" && node.opType != "Reshape"))
        return mismatch("a weight made by " + node.opType, node.name);
    QS_TRY(const Tensor values, weightValue(graph, node.inputs[0]));
    if (node.opType == "Gather")
        return gather(values, *second, static_cast<int>(node.intAttribute("axis", 0)), node.name);
    QS_TRY(std::vector<std::int64_t> dims, toInt64Vector(*second));
    const Shape shape(std::move(dims));
    const auto count = shape.checkedNumel();
    if (!count || *count != values.numel())
        return mismatch("a reshape to another size", node.name);
    return values.reshaped(shape);
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

/// The layer's input must come from a pair whose two halves agree with the simulated grid.
Status compareActivation(const ModelGraph &graph, ValueId input, float scale, const std::string &where) {
    const auto producer = [&](ValueId id) {
        const NodeId node = id == kNoValue ? kNoNode : graph.value(id).producer;
        return node == kNoNode ? nullptr : &graph.node(node);
    };
    const Node *dequantize = producer(input);
    const Node *quantize =
        dequantize && !dequantize->inputs.empty() ? producer(dequantize->inputs[0]) : nullptr;
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

Result<double> compareLayer(const Model &model, const Layer &layer, const QuantizedLayer &expected,
                            const ModelGraph &written) {
    const ValueId output = written.findValue(model.graph.value(layer.output).name);
    const NodeId producer = output == kNoValue ? kNoNode : written.value(output).producer;
    if (producer == kNoNode)
        return mismatch("the layer is missing", layer.name);
    const Node &node = written.node(producer);
    const auto last = static_cast<std::size_t>(std::max(layer.inputIndex, layer.weightIndex));
    if (node.inputs.size() <= last)
        return mismatch("the layer lost an input", layer.name);
    if (expected.activation)
        QS_CHECK_OK(compareActivation(written, node.inputs[static_cast<std::size_t>(layer.inputIndex)],
                                      expected.activation->scale, layer.name));
    QS_TRY(const Tensor found,
           weightValue(written, node.inputs[static_cast<std::size_t>(layer.weightIndex)]));
    if (expected.weight)
        return worstDifference(toStoredLayout(layer, expected.weight->dequantize()), found, layer.name);
    QS_TRY(const Tensor original, toFloat32(*model.graph.constant(layer.weight)));
    return worstDifference(original, found, layer.name);
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
