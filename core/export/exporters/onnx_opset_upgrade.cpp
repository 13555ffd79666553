#include "core/export/exporters/onnx_opset_upgrade.h"

#include "core/export/exporters/onnx_graph_edit.h"
#include "core/tensor/convert.h"

#include <array>
#include <cstring>
#include <fmt/format.h>
#include <onnx/onnx_pb.h>
#include <optional>
#include <set>
#include <sstream>

namespace qs {
namespace {

using Ints = std::vector<std::int64_t>;

/// One node on its way to the next version, with nodes that come to stand around it.
struct Rewriting {
    onnx::NodeProto node;
    std::vector<onnx::NodeProto> before, after;
    OnnxNames *names = nullptr;
    const onnx::GraphProto *graph = nullptr;                              ///< for its initializers
    const google::protobuf::RepeatedPtrField<onnx::NodeProto> *inFront{}; ///< of the node, in their order
};

tl::unexpected<Error> refuse(const Rewriting &r, const std::string &why) {
    return fail(
        ErrorCode::Unsupported,
        fmt::format("operator {} cannot be carried to a newer operator set: {}; export the original model "
                    "with a newer opset",
                    r.node.op_type(), why),
        r.node.name());
}

std::optional<onnx::AttributeProto> takeAttribute(onnx::NodeProto &node, std::string_view name) {
    auto &attributes = *node.mutable_attribute();
    for (int i = 0; i < attributes.size(); ++i)
        if (attributes[i].name() == name) {
            onnx::AttributeProto taken = attributes[i];
            attributes.DeleteSubrange(i, 1);
            return taken;
        }
    return std::nullopt;
}

void setInt(onnx::NodeProto &node, const std::string &name, std::int64_t value) {
    onnx::AttributeProto &attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_type(onnx::AttributeProto::INT);
    attribute.set_i(value);
}

void setText(onnx::NodeProto &node, const std::string &name, const std::string &value) {
    onnx::AttributeProto &attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_type(onnx::AttributeProto::STRING);
    attribute.set_s(value);
}

std::string textOf(const onnx::NodeProto &node, std::string_view name, std::string fallback) {
    for (const auto &attribute : node.attribute())
        if (attribute.name() == name)
            return attribute.s();
    return fallback;
}

onnx::NodeProto makeNode(OnnxNames &names, const std::string &opType, const std::vector<std::string> &inputs,
                         const std::string &output) {
    onnx::NodeProto node;
    node.set_op_type(opType);
    node.set_name(names.unique(output + "/" + opType));
    for (const std::string &input : inputs)
        node.add_input(input);
    node.add_output(output);
    return node;
}

/// Makes a constant the input `index` of the node.
void setConstantInput(Rewriting &r, int index, const std::string &what, const Tensor &tensor) {
    const std::string output = r.names->unique(r.node.output(0) + "_" + what);
    onnx::NodeProto constant = makeNode(*r.names, "Constant", {}, output);
    onnx::AttributeProto &value = *constant.add_attribute();
    value.set_name("value");
    value.set_type(onnx::AttributeProto::TENSOR);
    setTensor(*value.mutable_t(), output, tensor);
    r.before.push_back(std::move(constant));
    while (r.node.input_size() <= index)
        r.node.add_input("");
    r.node.set_input(index, output);
}

Tensor vectorOf(const Ints &values) {
    return Tensor::fromValues<std::int64_t>(Shape{static_cast<std::int64_t>(values.size())}, values);
}

/// Turns an integer-list attribute into the input `index`.
void attributeToInput(Rewriting &r, std::string_view name, int index) {
    if (const auto attribute = takeAttribute(r.node, name))
        setConstantInput(r, index, std::string(name),
                         vectorOf(Ints(attribute->ints().begin(), attribute->ints().end())));
}

Status axesToInput(Rewriting &r) {
    attributeToInput(r, "axes", 1);
    return {};
}

Status splitToInput(Rewriting &r) {
    attributeToInput(r, "split", 1);
    return {};
}

Status splitIntoEqualParts(Rewriting &r) {
    if (r.node.input_size() < 2 || r.node.input(1).empty())
        setInt(r.node, "num_outputs", r.node.output_size());
    return {};
}

Status sliceToInputs(Rewriting &r) {
    attributeToInput(r, "starts", 1);
    attributeToInput(r, "ends", 2);
    attributeToInput(r, "axes", 3);
    return {};
}

Status topKToInput(Rewriting &r) {
    if (const auto k = takeAttribute(r.node, "k"))
        setConstantInput(r, 1, "k", vectorOf({k->i()}));
    return {};
}

Status floatToInput(Rewriting &r, std::string_view name, int index) {
    if (const auto attribute = takeAttribute(r.node, name))
        setConstantInput(r, index, std::string(name), Tensor::scalar(attribute->f()));
    return {};
}

Status clipToInputs(Rewriting &r) {
    QS_CHECK_OK(floatToInput(r, "min", 1));
    return floatToInput(r, "max", 2);
}

Status padToInputs(Rewriting &r) {
    attributeToInput(r, "pads", 1);
    return floatToInput(r, "value", 2);
}

/// Without training the ratio has no effect, and its new input would only be noise.
Status dropRatio(Rewriting &r) {
    takeAttribute(r.node, "ratio");
    return {};
}

Status dropSpatial(Rewriting &r) {
    const auto spatial = takeAttribute(r.node, "spatial");
    return spatial && spatial->i() == 0 ? refuse(r, "statistics per element (spatial = 0)") : Status{};
}

Status onlyInferenceOutput(Rewriting &r) {
    for (int i = 1; i < r.node.output_size(); ++i)
        if (!r.node.output(i).empty())
            return refuse(r, "training outputs");
    while (r.node.output_size() > 1)
        r.node.mutable_output()->RemoveLast();
    return {};
}

Status upsampleScalesToInput(Rewriting &r) {
    if (const auto scales = takeAttribute(r.node, "scales"))
        setConstantInput(
            r, 1, "scales",
            Tensor::fromValues<float>(
                Shape{scales->floats_size()},
                std::span(scales->floats().data(), static_cast<std::size_t>(scales->floats_size()))));
    return {};
}

/// An experimental operator of PyTorch until 1.0; ConstantOfShape came in its place.
Status fillToConstantOfShape(Rewriting &r) {
    const auto value = takeAttribute(r.node, "value"), type = takeAttribute(r.node, "dtype");
    const auto asShape = takeAttribute(r.node, "input_as_shape"), shape = takeAttribute(r.node, "shape");
    const auto extra = takeAttribute(r.node, "extra_shape");
    if (extra && extra->ints_size() > 0)
        return refuse(r, "it has an extra shape");
    const DType element = type ? static_cast<DType>(type->i()) : DType::Float32;
    QS_TRY(const Tensor fill,
           castTensor(Tensor::fromValues<float>({1}, std::array{value ? value->f() : 0.0F}), element));
    if (r.node.input_size() == 0) {
        setConstantInput(r, 0, "shape",
                         vectorOf(shape ? Ints(shape->ints().begin(), shape->ints().end()) : Ints{}));
    } else if (!asShape || asShape->i() == 0) {
        const std::string dims = r.names->unique(r.node.output(0) + "_shape");
        r.before.push_back(makeNode(*r.names, "Shape", {r.node.input(0)}, dims));
        r.node.set_input(0, dims);
    }
    r.node.set_op_type("ConstantOfShape");
    onnx::AttributeProto &attribute = *r.node.add_attribute();
    attribute.set_name("value");
    attribute.set_type(onnx::AttributeProto::TENSOR);
    setTensor(*attribute.mutable_t(), "", fill);
    return {};
}

Status upsampleToResize(Rewriting &r) {
    r.node.set_op_type("Resize");
    return {};
}

std::vector<float> floatsOf(const onnx::TensorProto &tensor) {
    if (!tensor.has_raw_data())
        return {tensor.float_data().begin(), tensor.float_data().end()};
    std::vector<float> values(tensor.raw_data().size() / sizeof(float));
    std::memcpy(values.data(), tensor.raw_data().data(), values.size() * sizeof(float));
    return values;
}

/// The floats of an initializer or a Constant; empty for what is computed.
std::vector<float> constantFloats(const Rewriting &r, const std::string &name) {
    for (const auto &initializer : r.graph->initializer())
        if (initializer.name() == name)
            return floatsOf(initializer);
    const auto valueOf = [&name](const onnx::NodeProto &node) -> const onnx::TensorProto * {
        if (node.op_type() == "Constant" && node.output(0) == name)
            for (const auto &attribute : node.attribute())
                if (attribute.name() == "value")
                    return &attribute.t();
        return nullptr;
    };
    for (const auto &node : r.before)
        if (const auto *value = valueOf(node))
            return floatsOf(*value);
    for (const auto &node : *r.inFront)
        if (const auto *value = valueOf(node))
            return floatsOf(*value);
    return {};
}

/// Resize 10 rounded a position down where an axis grows and up where it shrinks.
Result<std::string> oldNearestMode(const Rewriting &r, const std::string &scales) {
    bool grows = false, shrinks = false;
    const std::vector<float> values = constantFloats(r, scales);
    for (const float scale : values) {
        grows = grows || scale > 1;
        shrinks = shrinks || scale < 1;
    }
    if (values.empty() || (grows && shrinks))
        return refuse(r, "how it rounds depends on scales that are computed or both above and below 1");
    return std::string(shrinks ? "ceil" : "floor");
}

/// Resize 10 knew one way to map coordinates; from 11 on it has to be named.
Status nameResizeRule(Rewriting &r) {
    const std::string scales = r.node.input_size() > 1 ? r.node.input(1) : "";
    if (textOf(r.node, "mode", "nearest") == "nearest") {
        QS_TRY(const std::string mode, oldNearestMode(r, scales));
        setText(r.node, "nearest_mode", mode);
    }
    while (r.node.input_size() < 3)
        r.node.add_input("");
    r.node.set_input(1, "");
    r.node.set_input(2, scales);
    setText(r.node, "coordinate_transformation_mode", "asymmetric");
    return {};
}

Status refuseTensorFlowResize(Rewriting &r) {
    const bool removed = textOf(r.node, "coordinate_transformation_mode", "") == "tf_half_pixel_for_nn";
    return removed ? refuse(r, "coordinate mode tf_half_pixel_for_nn was removed") : Status{};
}

Status scatterToScatterElements(Rewriting &r) {
    r.node.set_op_type("ScatterElements");
    return {};
}

/// Softmax used to flatten everything from `axis` on (default 1) into one row; now it works along one axis.
Status softmaxAlongRows(Rewriting &r) {
    const auto attribute = takeAttribute(r.node, "axis");
    const std::int64_t axis = attribute ? attribute->i() : 1;
    setInt(r.node, "axis", -1);
    if (axis == -1)
        return {};
    const std::string src = r.node.input(0), dst = r.node.output(0);
    const std::string shape = r.names->unique(dst + "_shape"), flat = r.names->unique(dst + "_flat");
    const std::string rows = r.names->unique(dst + "_rows");
    r.before.push_back(makeNode(*r.names, "Shape", {src}, shape));
    r.before.push_back(makeNode(*r.names, "Flatten", {src}, flat));
    setInt(r.before.back(), "axis", axis);
    r.node.set_input(0, flat);
    r.node.set_output(0, rows);
    r.after.push_back(makeNode(*r.names, "Reshape", {rows, shape}, dst));
    return {};
}

Status keepRoiRule(Rewriting &r) {
    if (textOf(r.node, "coordinate_transformation_mode", "").empty())
        setText(r.node, "coordinate_transformation_mode", "output_half_pixel");
    return {};
}

Status renameGridModes(Rewriting &r) {
    for (auto &attribute : *r.node.mutable_attribute())
        if (attribute.name() == "mode" && attribute.s() == "bilinear")
            attribute.set_s("linear");
        else if (attribute.name() == "mode" && attribute.s() == "bicubic")
            attribute.set_s("cubic");
    return {};
}

struct Change {
    std::string_view opType;
    int version;
    Status (*rewrite)(Rewriting &);
};

/// Every change between versions 7 and 21 that alters the meaning of a node as it was written before.
constexpr Change kChanges[] = {
    {"BatchNormalization", 9, dropSpatial},
    {"ConstantFill", 9, fillToConstantOfShape},
    {"Upsample", 9, upsampleScalesToInput},
    {"Slice", 10, sliceToInputs},
    {"TopK", 10, topKToInput},
    {"Upsample", 10, upsampleToResize},
    {"Clip", 11, clipToInputs},
    {"Pad", 11, padToInputs},
    {"Resize", 11, nameResizeRule},
    {"Scatter", 11, scatterToScatterElements},
    {"Dropout", 12, dropRatio},
    {"Softmax", 13, softmaxAlongRows},
    {"LogSoftmax", 13, softmaxAlongRows},
    {"Hardmax", 13, softmaxAlongRows},
    {"ReduceSum", 13, axesToInput},
    {"Resize", 13, refuseTensorFlowResize},
    {"Split", 13, splitToInput},
    {"Squeeze", 13, axesToInput},
    {"Unsqueeze", 13, axesToInput},
    {"BatchNormalization", 14, onlyInferenceOutput},
    {"RoiAlign", 16, keepRoiRule},
    {"ReduceL1", 18, axesToInput},
    {"ReduceL2", 18, axesToInput},
    {"ReduceLogSum", 18, axesToInput},
    {"ReduceLogSumExp", 18, axesToInput},
    {"ReduceMax", 18, axesToInput},
    {"ReduceMean", 18, axesToInput},
    {"ReduceMin", 18, axesToInput},
    {"ReduceProd", 18, axesToInput},
    {"ReduceSumSquare", 18, axesToInput},
    {"Split", 18, splitIntoEqualParts},
    {"GridSample", 20, renameGridModes},
};

/// Operators whose other versions up to 21 only accept more types or more options. Those not listed are
/// refused.
constexpr const char *kKnownOperators =
    "Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization "
    "BitShift Cast CastLike Ceil Celu Clip Compress Concat Constant ConstantFill ConstantOfShape Conv "
    "ConvInteger ConvTranspose Cos Cosh CumSum DepthToSpace DequantizeLinear Det Div Dropout "
    "DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand EyeLike Flatten Floor GRU Gather "
    "GatherElements GatherND Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater "
    "GreaterOrEqual GridSample HardSigmoid HardSwish Hardmax Identity If InstanceNormalization "
    "IsInf IsNaN LRN LSTM LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax Loop "
    "LpNormalization LpPool MatMul MatMulInteger Max MaxPool MaxUnpool Mean "
    "MeanVarianceNormalization Min Mish Mod Mul Neg NonMaxSuppression NonZero Not OneHot Or "
    "PRelu Pad Pow QLinearConv QLinearMatMul QuantizeLinear RNN Range Reciprocal ReduceL1 "
    "ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum "
    "ReduceSumSquare Relu Reshape Resize ReverseSequence RoiAlign Round Scatter ScatterElements "
    "ScatterND Selu Shape Shrink Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign "
    "SpaceToDepth Split Sqrt Squeeze Sub Sum Tan Tanh ThresholdedRelu Tile TopK Transpose Trilu "
    "Unique Unsqueeze Upsample Where Xor";

const std::set<std::string> &knownOperators() {
    static const std::set<std::string> names = [] {
        std::istringstream list(kKnownOperators);
        return std::set<std::string>(std::istream_iterator<std::string>(list), {});
    }();
    return names;
}

bool isDefaultDomain(const std::string &domain) {
    return domain.empty() || domain == "ai.onnx";
}

Status upgradeGraph(onnx::GraphProto &graph, OnnxNames &names, std::int64_t from, std::int64_t target);

Status upgradeNode(Rewriting &r, std::int64_t from, std::int64_t target) {
    for (auto &attribute : *r.node.mutable_attribute()) {
        if (attribute.has_g())
            QS_CHECK_OK(upgradeGraph(*attribute.mutable_g(), *r.names, from, target));
        for (auto &graph : *attribute.mutable_graphs())
            QS_CHECK_OK(upgradeGraph(graph, *r.names, from, target));
    }
    if (!isDefaultDomain(r.node.domain()))
        return {};
    if (!knownOperators().contains(r.node.op_type()))
        return refuse(r, "its versions are not known to this exporter");
    for (std::int64_t version = from + 1; version <= target; ++version)
        for (const Change &change : kChanges)
            if (change.version == version && change.opType == r.node.op_type()) {
                QS_CHECK_OK(change.rewrite(r));
                break; // At most one change a version; the rewrite may have renamed the operator.
            }
    return {};
}

Status upgradeGraph(onnx::GraphProto &graph, OnnxNames &names, std::int64_t from, std::int64_t target) {
    google::protobuf::RepeatedPtrField<onnx::NodeProto> ordered;
    for (auto &node : *graph.mutable_node()) {
        Rewriting rewriting;
        rewriting.names = &names;
        rewriting.graph = &graph;
        rewriting.inFront = &ordered;
        rewriting.node.Swap(&node);
        QS_CHECK_OK(upgradeNode(rewriting, from, target));
        for (onnx::NodeProto &before : rewriting.before)
            ordered.Add(std::move(before));
        ordered.Add(std::move(rewriting.node));
        for (onnx::NodeProto &after : rewriting.after)
            ordered.Add(std::move(after));
    }
    graph.mutable_node()->Swap(&ordered);
    return {};
}

/// \source file_formats 1.6
std::int64_t irVersionFor(std::int64_t opset) {
    constexpr std::pair<int, int> kFirstOpsetAndIr[] = {{21, 10}, {19, 9}, {15, 8},
                                                        {12, 7},  {11, 6}, {10, 5}};
    for (const auto &[first, ir] : kFirstOpsetAndIr)
        if (opset >= first)
            return ir;
    return 4;
}

} // namespace

std::int64_t defaultOpset(const onnx::ModelProto &model) {
    for (const auto &import : model.opset_import())
        if (isDefaultDomain(import.domain()))
            return import.version();
    return 0;
}

Status upgradeOpset(onnx::ModelProto &model, std::int64_t target) {
    constexpr std::int64_t kOldest = 7;
    const std::int64_t from = defaultOpset(model);
    if (from < target) {
        if (from < kOldest)
            return fail(
                ErrorCode::Unsupported,
                fmt::format("the model uses operator set {}, this export needs {} and can start from {} or "
                            "newer; export the original model with a newer opset",
                            from, target, kOldest));
        if (model.functions_size() > 0)
            return fail(
                ErrorCode::Unsupported,
                fmt::format("the model has local functions and operator set {}, this export needs {}; inline "
                            "the functions first",
                            from, target));
        OnnxNames names(model.graph());
        QS_CHECK_OK(upgradeGraph(*model.mutable_graph(), names, from, target));
        for (auto &import : *model.mutable_opset_import())
            if (isDefaultDomain(import.domain()))
                import.set_version(target);
    }
    model.set_ir_version(std::max(model.ir_version(), irVersionFor(std::max(from, target))));
    return {};
}

} // namespace qs
