#include "core/export/exporters/onnx_qdq_editor.h"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

namespace qs {
namespace {

constexpr std::int64_t kSubByteOpset = 21; ///< int4, 16-bit codes and blocks

bool sameCodes(const QuantizedMatrix &a, const QuantizedMatrix &b) {
    return a.bits == b.bits && a.convention == b.convention && a.rows == b.rows && a.cols == b.cols &&
           a.layout.granularity == b.layout.granularity && a.layout.groupSize == b.layout.groupSize &&
           a.codes == b.codes && a.scales == b.scales && a.zeroPoints == b.zeroPoints &&
           a.groupOfColumn == b.groupOfColumn;
}

bool isEightBit(DType type) {
    return type == DType::Int8 || type == DType::UInt8;
}

tl::unexpected<Error> cannotWrite(const Layer &layer, const std::string &why) {
    return fail(ErrorCode::Unsupported, why, layer.name);
}

/// The bias of a layer as a vector of one float per output channel, or nothing when it is something else.
std::optional<Tensor> biasVector(const Layer &layer, const ModelGraph &graph) {
    const Tensor *bias = layer.bias == kNoValue ? nullptr : graph.constant(layer.bias);
    if (!bias || bias->dtype() != DType::Float32 || bias->shape() != Shape{layer.outChannels})
        return std::nullopt;
    const Node &node = graph.node(layer.node);
    if (node.floatAttribute("alpha", 1) != 1 || node.floatAttribute("beta", 1) != 1)
        return std::nullopt; // The accumulator's grid is scaled then.
    return *bias;
}

bool usesFullRange(const Tensor &codes) {
    const auto values = codes.values<std::int8_t>();
    return std::any_of(values.begin(), values.end(),
                       [](std::int8_t code) { return code < -64 || code > 63; });
}

} // namespace

QdqEditor::QdqEditor(const Model &model, OnnxGraphEdit &edit, QdqOptions options, FindingList &findings)
    : m_model(model), m_edit(edit), m_options(options), m_findings(findings) {}

Status QdqEditor::checkPlace(const Layer &layer, int node) const {
    const auto nameOf = [&](ValueId id) { return id == kNoValue ? "" : m_model.graph.value(id).name; };
    const auto reads = [&](int index, ValueId value) {
        const onnx::NodeProto &proto = m_edit.node(node);
        return index < proto.input_size() && proto.input(index) == nameOf(value);
    };
    if (node < 0 || !reads(layer.weightIndex, layer.weight) || !reads(layer.inputIndex, layer.input))
        return cannotWrite(
            layer, "lies in a local function, which this exporter does not edit; inline the functions "
                   "of the model first");
    const DType type = m_model.graph.constant(layer.weight)->dtype();
    if (type != DType::Float32)
        return cannotWrite(
            layer,
            fmt::format("its weight is {}; convert the model to float32 before quantizing", dtypeName(type)));
    return {};
}

void QdqEditor::warn(const Layer &layer, const QuantizedLayer &quantized) {
    if (quantized.activationScheme && quantized.activationScheme->rounding != RoundingMode::HalfEven)
        m_findings.add(Severity::Warning,
                       fmt::format("activations were rounded {} in the run; ONNX rounds half to even",
                                   roundingModeName(quantized.activationScheme->rounding)),
                       layer.name, "values on ties differ by one step; choose half_even to compare exactly");
}

Status QdqEditor::quantize(const QuantizedLayer &quantized) {
    const Layer &layer = m_model.layers[static_cast<std::size_t>(quantized.layer)];
    const int node = m_edit.producerOf(m_model.graph.value(layer.output).name);
    QS_CHECK_OK(checkPlace(layer, node));
    warn(layer, quantized);
    std::optional<QdqActivation> activation;
    if (quantized.activation) {
        if (layer.kind == LayerKind::Embedding)
            return cannotWrite(layer, "reads indices, which have no activation grid");
        activation =
            encodeActivation(*quantized.activation, quantized.activationScheme.value_or(GridScheme{}),
                             m_options.signedActivations);
        writeActivation(layer, node, *activation);
    }
    if (quantized.quantizesActivation() && !quantized.activation)
        return cannotWrite(layer,
                           "finds the scale of its activation while it runs, which QDQ cannot express; "
                           "choose a static scale");
    if (!quantized.outputOffset.empty())
        return cannotWrite(layer, "has a bias correction, which this exporter cannot write yet");
    if (!quantized.weight)
        return {};
    if (!quantized.weight->isIntegerGrid())
        return cannotWrite(layer,
                           "has " + quantized.weight->extras() +
                               ", which DequantizeLinear cannot express; choose another method for it");
    // Integer kernels want both operands signed, or both unsigned.
    const auto signedCodes = activation ? std::optional(m_options.signedActivations) : std::nullopt;
    QS_TRY(const WrittenWeight *weight, writeWeight(layer, node, quantized.weight, signedCodes));
    m_edit.setInput(node, layer.weightIndex, weight->value);
    if (activation && m_options.int32Bias)
        writeBias(layer, node, weight->encoded, *activation);
    return {};
}

Result<const QdqEditor::WrittenWeight *>
QdqEditor::writeWeight(const Layer &layer, int node, const std::shared_ptr<const QuantizedMatrix> &matrix,
                       std::optional<bool> signedCodes) {
    for (const auto &written : m_weights)
        if (written->source == layer.weight && written->transposed == layer.transposed &&
            written->signedCodes == signedCodes && sameCodes(*written->matrix, *matrix))
            return written.get();
    QS_TRY(QdqWeight encoded, encodeWeight(layer, *matrix, signedCodes));
    if (!isEightBit(encoded.codes.dtype()) || encoded.blockSize > 0)
        m_neededOpset = kSubByteOpset;
    if (signedCodes == true && encoded.codes.dtype() == DType::Int8 && usesFullRange(encoded.codes))
        m_findings.add(
            Severity::Warning,
            "int8 activations saturate when ONNX Runtime fuses them on x86 processors without VNNI", {},
            "export with activation_type uint8, or set its option session.x64quantprecision to 1");
    auto written = std::make_unique<WrittenWeight>();
    *written = {layer.weight, layer.transposed, signedCodes,
                matrix,       encoded,          addDequantizedWeight(layer, node, encoded)};
    m_weights.push_back(std::move(written));
    return m_weights.back().get();
}

std::string QdqEditor::addDequantizedWeight(const Layer &layer, int node, const QdqWeight &weight) {
    const std::string base = layer.name + ".weight";
    const std::vector<std::string> inputs = {m_edit.addInitializer(base + "_quantized", weight.codes),
                                             m_edit.addInitializer(base + "_scale", weight.scale),
                                             m_edit.addInitializer(base + "_zero_point", weight.zeroPoint)};
    std::map<std::string, std::int64_t> attributes{{"axis", weight.axis}};
    if (weight.blockSize > 0)
        attributes["block_size"] = weight.blockSize;
    std::string value = m_edit.addNode(node, "DequantizeLinear", inputs, base + "_dequantized", attributes);
    const auto indices = [&](const std::string &what, const std::vector<std::int64_t> &values) {
        return m_edit.addInitializer(
            base + what,
            Tensor::fromValues<std::int64_t>(Shape{static_cast<std::int64_t>(values.size())}, values));
    };
    if (!weight.columnSource.empty())
        value = m_edit.addNode(node, "Gather", {value, indices("_columns", weight.columnSource)},
                               base + "_ordered", {{"axis", weight.axis}});
    if (weight.needsReshape)
        value = m_edit.addNode(node, "Reshape", {value, indices("_shape", layer.weightShape.dims())},
                               base + "_reshaped");
    return value;
}

void QdqEditor::writeActivation(const Layer &layer, int node, const QdqActivation &activation) {
    const std::string source = m_model.graph.value(layer.input).name;
    std::string &pair = m_activations[{source, activation}];
    if (pair.empty())
        pair = addPair(node, source, activation);
    m_edit.setInput(node, layer.inputIndex, pair);
}

std::string QdqEditor::addPair(int node, const std::string &value, const QdqActivation &activation) {
    if (!isEightBit(activation.type))
        m_neededOpset = kSubByteOpset;
    std::string clipped = value;
    if (activation.clip) {
        const auto bound = [&](const char *what, float limit) {
            return m_edit.addInitializer(value + what, Tensor::scalar(limit));
        };
        clipped = m_edit.addNode(
            node, "Clip",
            {value, bound("_clip_min", activation.clip->first), bound("_clip_max", activation.clip->second)},
            value + "_clipped");
    }
    const std::string scale = m_edit.addInitializer(value + "_scale", Tensor::scalar(activation.scale));
    const std::string zeroPoint =
        m_edit.addInitializer(value + "_zero_point", integerScalar(activation.zeroPoint, activation.type));
    const std::string codes =
        m_edit.addNode(node, "QuantizeLinear", {clipped, scale, zeroPoint}, value + "_quantized");
    return m_edit.addNode(node, "DequantizeLinear", {codes, scale, zeroPoint}, value + "_dequantized");
}

void QdqEditor::writeBias(const Layer &layer, int node, const QdqWeight &weight,
                          const QdqActivation &activation) {
    if (!isEightBit(weight.codes.dtype()) || weight.blockSize > 0 || !isEightBit(activation.type))
        return;
    const std::optional<Tensor> bias = biasVector(layer, m_model.graph);
    if (!bias)
        return;
    const std::optional<QdqBias> encoded = encodeBias(bias->values<float>(), activation.scale, weight.scale);
    if (!encoded) {
        m_findings.add(Severity::Info,
                       "its bias does not fit 32-bit integers on the grid of input and weight", layer.name,
                       "nothing to do: the bias stays in float");
        return;
    }
    const std::string base = layer.name + ".bias";
    const std::string value = m_edit.addNode(node, "DequantizeLinear",
                                             {m_edit.addInitializer(base + "_quantized", encoded->codes),
                                              m_edit.addInitializer(base + "_scale", encoded->scale)},
                                             base + "_dequantized", {{"axis", 0}});
    m_edit.setInput(node, layer.biasIndex, value);
}

} // namespace qs
