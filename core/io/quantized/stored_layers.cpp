#include "core/io/quantized/stored_layers.h"

#include "core/base/run_context.h"
#include "core/tensor/convert.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace qs {
namespace {

const Node *producerOf(const ModelGraph &graph, ValueId value, const char *opType) {
    const NodeId id = value == kNoValue ? kNoNode : graph.value(value).producer;
    return id != kNoNode && graph.node(id).opType == opType && !graph.node(id).inputs.empty()
               ? &graph.node(id)
               : nullptr;
}

/// The only element of a constant input.
std::optional<float> scalarInput(const ModelGraph &graph, const Node &node, std::size_t index) {
    const bool given = index < node.inputs.size() && node.inputs[index] != kNoValue;
    const Tensor *tensor = given ? graph.constant(node.inputs[index]) : nullptr;
    if (!tensor || tensor->numel() != 1)
        return std::nullopt;
    const auto value = toFloat32(*tensor);
    return value ? std::optional(value->values<float>()[0]) : std::nullopt;
}

DType codeType(const ModelGraph &graph, const Node &dequantize) {
    const bool hasZero = dequantize.inputs.size() > 2 && dequantize.inputs[2] != kNoValue;
    const ValueId codes = dequantize.inputs[hasZero ? 2 : 0];
    const DType type = codes == kNoValue ? DType::Undefined : graph.value(codes).dtype;
    return type == DType::Undefined ? DType::UInt8 : type; // the operators' default
}

/// Bits of the codes that a Clip in front of the pair leaves over; those of the type without one.
int usedBits(const ModelGraph &graph, const Node &dequantize, float scale, int bits) {
    const Node *quantize = producerOf(graph, dequantize.inputs[0], "QuantizeLinear");
    const Node *clip = quantize ? producerOf(graph, quantize->inputs[0], "Clip") : nullptr;
    const auto low = clip ? scalarInput(graph, *clip, 1) : std::nullopt;
    const auto high = clip ? scalarInput(graph, *clip, 2) : std::nullopt;
    if (!low || !high || !(*high > *low))
        return bits;
    const double count = std::round((static_cast<double>(*high) - *low) / scale) + 1;
    for (int fewer = kMinBits; fewer < bits; ++fewer)
        if (count <= std::ldexp(1.0, fewer))
            return fewer;
    return bits;
}

/// Largest difference that float16 constants of the graph may have from the exact values.
bool sameValues(const Tensor &expected, const Tensor &found) {
    const bool half = dtypeBits(expected.dtype()) == 16;
    const auto a = toFloat32(expected);
    if (!a || a->numel() != found.numel())
        return false;
    double largest = 0, worst = 0;
    const auto x = a->values<float>(), y = found.values<float>();
    for (std::size_t i = 0; i < x.size(); ++i) {
        largest = std::max(largest, std::abs(static_cast<double>(x[i])));
        worst = std::max(worst, std::abs(static_cast<double>(x[i]) - y[i]));
    }
    return worst <= (half ? 8e-3 : 1e-6) * largest;
}

Result<std::shared_ptr<const QuantizedMatrix>> checkedMatrix(const WeightGrid &grid, const Layer &layer,
                                                             const ModelGraph &graph) {
    QS_TRY(QuantizedMatrix matrix, matrixOf(grid, layer));
    if (!sameValues(*graph.constant(layer.weight), toStoredLayout(layer, matrix.dequantize())))
        return fail(ErrorCode::Unsupported,
                    "its codes and scales do not give the values that the graph computes");
    return std::make_shared<const QuantizedMatrix>(std::move(matrix));
}

void reportZeroScales(const WeightGrid &grid, const Layer &layer, FindingList &findings) {
    const auto zeros = std::count(grid.scales.begin(), grid.scales.end(), 0.0f);
    if (zeros > 0)
        findings.add(
            Severity::Warning,
            fmt::format("{} of its {} scales are 0: the weights that share them are 0 whatever their "
                        "codes say",
                        zeros, grid.scales.size()),
            layer.name, "If the weights were not zeros, quantize the model again.");
}

} // namespace

std::optional<ActivationGrid> activationGrid(const Layer &layer, const ModelGraph &graph) {
    const Node *dequantize = producerOf(graph, layer.input, "DequantizeLinear");
    const auto scale = dequantize ? scalarInput(graph, *dequantize, 1) : std::nullopt;
    if (!scale || !std::isfinite(*scale) || *scale <= 0)
        return std::nullopt;
    const DType type = codeType(graph, *dequantize);
    const int bits = dtypeBits(type);
    if (isFloatingPoint(type) || bits < kMinBits || bits > kMaxBits)
        return std::nullopt;
    const bool isSigned =
        type == DType::Int8 || type == DType::Int16 || type == DType::Int4 || type == DType::Int2;
    auto zero = static_cast<std::int32_t>(scalarInput(graph, *dequantize, 2).value_or(0));
    GridScheme scheme;
    scheme.bits = usedBits(graph, *dequantize, *scale, bits);
    scheme.convention = isSigned && zero == 0 ? GridConvention::SymmetricFull : GridConvention::Asymmetric;
    if (isSigned && zero != 0)
        zero += 1 << (bits - 1); // codes count from 0
    const CodeRange range = codeRange(scheme.bits, scheme.convention);
    if (zero < range.lowest ||
        zero > range.highest) { // the codes that are left over lie elsewhere in the type
        scheme.bits = bits;
        scheme.convention = GridConvention::Asymmetric;
    }
    return ActivationGrid{{*scale, zero}, scheme};
}

Status attachStored(Model &model, const StoredLookup &lookup, FindingList &findings, const RunContext &ctx) {
    const auto count = static_cast<std::int64_t>(model.layers.size());
    for (const Layer &layer : model.layers) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        ctx.step(layer.id, count, "reading codes");
        const std::optional<StoredLayer> read = lookup(model.graph.value(layer.weight).name);
        if (!read)
            continue;
        const WeightGrid &grid = read->grid;
        auto matrix = checkedMatrix(grid, layer, model.graph);
        if (!matrix) {
            findings.add(Severity::Warning,
                         "The codes of its weight cannot be shown: " + matrix.error().message, layer.name,
                         "Its values are read and shown.");
            continue;
        }
        reportZeroScales(grid, layer, findings);
        StoredQuantization stored{std::move(*matrix), grid.text(), {}, {}};
        if (const auto activation =
                read->activation ? read->activation : activationGrid(layer, model.graph)) {
            stored.activation = activation->first;
            stored.activationScheme = activation->second;
        }
        model.stored[layer.id] = std::make_shared<const StoredQuantization>(std::move(stored));
    }
    if (!model.stored.empty())
        findings.add(
            Severity::Info,
            fmt::format("The file brings the quantization of {} of its {} layers; it is shown as a run",
                        model.stored.size(), model.layers.size()),
            model.file.filename().string(),
            "Its errors need the float weights, which are not in the file: open the float model and read "
            "the codes of this file as a run of it.");
    return {};
}

} // namespace qs
