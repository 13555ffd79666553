#include "core/export/exporters/onnx_qdq_editor.h"

#include "core/export/exporters/onnx_layer_additions.h"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

namespace qs {
namespace {

constexpr std::int64_t kSubByteOpset = 21; ///< int4, 16-bit codes and blocks

bool sameCodes(const QuantizedMatrix &a, const QuantizedMatrix &b) {
    return a.bits == b.bits && a.convention == b.convention && a.rows == b.rows && a.cols == b.cols &&
           a.layout.granularity == b.layout.granularity && a.layout.groupSize == b.layout.groupSize &&
           a.codes == b.codes && a.scales == b.scales && a.zeroPoints == b.zeroPoints &&
           a.groupOfColumn == b.groupOfColumn && a.realZeroPoints == b.realZeroPoints &&
           a.levels == b.levels && a.kept == b.kept;
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
    const DType type = typeOf(layer);
    if (!isFloatingPoint(type) || dtypeBits(type) < 16)
        return cannotWrite(
            layer,
            fmt::format("its weight is {}; convert the model to float32 before quantizing", dtypeName(type)));
    return {};
}

DType QdqEditor::typeOf(const Layer &layer) const {
    return m_model.graph.constant(layer.weight)->dtype();
}

std::string QdqEditor::addCast(int node, const std::string &value, DType type,
                               const std::string &outputWish) {
    return m_edit.addNode(node, "Cast", {value}, outputWish, {{"to", static_cast<std::int64_t>(type)}});
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
    if (quantized.quantizesActivation() && !quantized.activation && !quantized.activationRegion)
        return cannotWrite(layer,
                           "finds the scale of its activation while it runs, which QDQ cannot express; "
                           "choose a static scale");
    if (typeOf(layer) != DType::Float32 &&
        (!quantized.outputOffset.empty() || (quantized.weight && quantized.weight->branch)))
        return cannotWrite(layer, fmt::format("a branch or a bias correction needs float32, its weight is {}",
                                              dtypeName(typeOf(layer))));
    writeAdditions(layer, node, m_edit.node(node).input(layer.inputIndex), quantized, m_edit);
    std::optional<QdqActivation> activation;
    if (quantized.activation) {
        if (layer.kind == LayerKind::Embedding)
            return cannotWrite(layer, "reads indices, which have no activation grid");
        activation =
            encodeActivation(*quantized.activation, quantized.activationScheme.value_or(GridScheme{}),
                             m_options.signedActivations);
        writeActivation(layer, node, *activation);
    }
    if (quantized.activationRegion)
        writeRegions(layer, node, *quantized.activationRegion, quantized.activationScheme->bits);
    if (!quantized.weight)
        return {};
    // Integer kernels want both operands signed, or both unsigned.
    const auto signedCodes = activation ? std::optional(m_options.signedActivations) : std::nullopt;
    QS_TRY(const WrittenWeight *weight, writeWeight(layer, node, quantized.weight, signedCodes));
    m_edit.setInput(node, layer.weightIndex, weight->value);
    // Kernels that add an integer bias read integer weights: nothing may stand between.
    if (activation && m_options.int32Bias && !weight->encoded.codes.empty() &&
        weight->encoded.offset.empty() && quantized.weight->kept.empty())
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
    QS_TRY(WrittenWeight written, encode(layer, node, matrix, signedCodes));
    m_weights.push_back(std::make_unique<const WrittenWeight>(std::move(written)));
    return m_weights.back().get();
}

Result<QdqEditor::WrittenWeight> QdqEditor::encode(const Layer &layer, int node,
                                                   const std::shared_ptr<const QuantizedMatrix> &matrix,
                                                   std::optional<bool> signedCodes) {
    WrittenWeight written{layer.weight, layer.transposed, signedCodes, matrix, {}, {}};
    if (!hasIntegerCodes(*matrix)) {
        written.value = narrowed(layer, node, addFloatWeight(layer, *matrix));
        return written;
    }
    QS_TRY(QdqWeight encoded, encodeWeight(layer, *matrix, signedCodes));
    if (!isEightBit(encoded.codes.dtype()) || encoded.blockSize > 0)
        m_neededOpset = kSubByteOpset;
    if (signedCodes == true && encoded.codes.dtype() == DType::Int8 && usesFullRange(encoded.codes))
        m_findings.add(
            Severity::Warning,
            "int8 activations saturate when ONNX Runtime fuses them on x86 processors without VNNI", {},
            "export with activation_type uint8, or set its option session.x64quantprecision to 1");
    written.value = addDequantizedWeight(layer, node, encoded);
    if (!matrix->kept.empty())
        written.value = addKept(layer, node, written.value, *matrix);
    written.value = narrowed(layer, node, written.value);
    written.encoded = std::move(encoded);
    return written;
}

/// Scales are float32, as those of the run; what the layer reads has the type of the model.
std::string QdqEditor::narrowed(const Layer &layer, int node, const std::string &value) {
    const DType type = typeOf(layer);
    return type == DType::Float32
               ? value
               : addCast(node, value, type, layer.name + ".weight_" + std::string(dtypeName(type)));
}

std::string QdqEditor::addFloatWeight(const Layer &layer, const QuantizedMatrix &matrix) {
    m_findings.add(Severity::Info,
                   fmt::format("has {}, which DequantizeLinear cannot express: its weight is written as "
                               "float32 values, so the file is larger than the bits of the run say",
                               matrix.extras()),
                   layer.name, "nothing to do: the values are those of the run");
    return m_edit.addInitializer(layer.name + ".weight_values",
                                 toStoredLayout(layer, matrix.dequantizeWithoutBranch()));
}

std::string QdqEditor::addKept(const Layer &layer, int node, const std::string &value,
                               const QuantizedMatrix &matrix) {
    const std::string base = layer.name + ".weight";
    const QdqKept kept = encodeKept(layer, matrix);
    return m_edit.addNode(node, "ScatterND",
                          {value, m_edit.addInitializer(base + "_kept_places", kept.places),
                           m_edit.addInitializer(base + "_kept_values", kept.values)},
                          base + "_with_kept");
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
    if (!weight.offset.empty())
        value = addOffset(base, node, std::move(value), weight);
    if (!weight.columnSource.empty())
        value = m_edit.addNode(node, "Gather", {value, addIntegers(base + "_columns", weight.columnSource)},
                               base + "_ordered", {{"axis", weight.axis}});
    if (weight.needsReshape)
        value = addReshape(node, value, layer.weightShape.dims(), base + "_reshaped");
    return value;
}

std::string QdqEditor::addOffset(const std::string &base, int node, std::string value,
                                 const QdqWeight &weight) {
    const bool blocked = weight.blockSize > 0;
    const std::vector<std::int64_t> dims = weight.codes.shape().dims();
    if (blocked) {
        std::vector<std::int64_t> blocks = dims;
        const auto axis = static_cast<std::size_t>(weight.axis);
        blocks[axis] /= weight.blockSize;
        blocks.insert(blocks.begin() + weight.axis + 1, weight.blockSize);
        value = addReshape(node, value, blocks, base + "_blocks");
    }
    value = m_edit.addNode(node, "Add", {value, m_edit.addInitializer(base + "_offset", weight.offset)},
                           base + "_moved");
    return blocked ? addReshape(node, value, dims, base + "_joined") : value;
}

std::string QdqEditor::addReshape(int node, const std::string &value, const std::vector<std::int64_t> &dims,
                                  const std::string &outputWish) {
    return m_edit.addNode(node, "Reshape", {value, addIntegers(outputWish + "_shape", dims)}, outputWish);
}

std::string QdqEditor::addIntegers(const std::string &wish, const std::vector<std::int64_t> &values) {
    return m_edit.addInitializer(
        wish, Tensor::fromValues<std::int64_t>(Shape{static_cast<std::int64_t>(values.size())}, values));
}

void QdqEditor::writeActivation(const Layer &layer, int node, const QdqActivation &activation) {
    const std::string source = m_model.graph.value(layer.input).name;
    std::string &pair = m_activations[{source, activation}];
    if (pair.empty())
        pair = addPair(node, source, typeOf(layer), activation);
    m_edit.setInput(node, layer.inputIndex, pair);
}

void QdqEditor::writeRegions(const Layer &layer, int node, const RegionGrid &grid, int bits) {
    const std::string source = m_model.graph.value(layer.input).name;
    const auto [positive, negative] = encodeRegions(grid, bits, m_options.signedActivations);
    std::string &sum = m_regions[{source, positive, negative}];
    if (sum.empty()) {
        const DType type = typeOf(layer);
        const std::string above = addPair(node, source, type, positive),
                          below = addPair(node, source, type, negative);
        sum = m_edit.addNode(node, "Add", {above, below}, source + "_regions");
    }
    m_edit.setInput(node, layer.inputIndex, sum);
}

std::string QdqEditor::addPair(int node, const std::string &value, DType type,
                               const QdqActivation &activation) {
    if (!isEightBit(activation.type))
        m_neededOpset = kSubByteOpset;
    const bool widens = type != DType::Float32;
    std::string clipped = widens ? addCast(node, value, DType::Float32, value + "_float32") : value;
    if (activation.clip) {
        const auto bound = [&](const char *what, float limit) {
            return m_edit.addInitializer(value + what, Tensor::scalar(limit));
        };
        clipped = m_edit.addNode(node, "Clip",
                                 {clipped, bound("_clip_min", activation.clip->first),
                                  bound("_clip_max", activation.clip->second)},
                                 value + "_clipped");
    }
    const std::string scale = m_edit.addInitializer(value + "_scale", Tensor::scalar(activation.scale));
    const std::string zeroPoint =
        m_edit.addInitializer(value + "_zero_point", integerScalar(activation.zeroPoint, activation.type));
    const std::string codes =
        m_edit.addNode(node, "QuantizeLinear", {clipped, scale, zeroPoint}, value + "_quantized");
    const std::string pair =
        m_edit.addNode(node, "DequantizeLinear", {codes, scale, zeroPoint}, value + "_dequantized");
    return widens ? addCast(node, pair, type, value + "_narrowed") : pair;
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
