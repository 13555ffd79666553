#include "core/graph/attention_walk.h"

#include "core/tensor/convert.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace qs {
namespace {

constexpr int kLongestWalk = 24; ///< nodes between a projection and the product that reads it

template <std::size_t N>
bool isOneOf(const std::string &opType, const std::array<std::string_view, N> &names) {
    return std::find(names.begin(), names.end(), opType) != names.end();
}

/// Operators that move, name or convert one activation; their other inputs say how.
constexpr std::array<std::string_view, 18> kOneActivation = {
    "Reshape", "Expand",    "Slice",   "Split",          "Squeeze",          "Unsqueeze",
    "Gather",  "Transpose", "Tile",    "Identity",       "Dropout",          "Cast",
    "Clip",    "Pad",       "Flatten", "QuantizeLinear", "DequantizeLinear", "Trilu"};
constexpr std::array<std::string_view, 7> kSameElements = {
    "Reshape", "Transpose", "Identity", "Cast", "Squeeze", "QuantizeLinear", "DequantizeLinear"};
constexpr std::array<std::string_view, 7> kCut = {"Slice",   "Cast",    "Identity", "Unsqueeze",
                                                  "Reshape", "Squeeze", "Expand"};

/// The dimensions that a Reshape asks for; -1 where a run decides.
std::vector<std::int64_t> reshapeTarget(const ModelGraph &graph, ValueId shape) {
    if (const Tensor *constant = graph.constant(shape)) {
        const auto dims = toInt64Vector(*constant);
        return dims ? *dims : std::vector<std::int64_t>{};
    }
    const Node *concat = producerOf(graph, shape);
    std::vector<std::int64_t> dims;
    if (!concat || concat->opType != "Concat")
        return dims;
    for (const ValueId part : concat->inputs) {
        const Tensor *constant = part == kNoValue ? nullptr : graph.constant(part);
        if (!constant)
            dims.push_back(-1);
        else if (const auto values = toInt64Vector(*constant))
            dims.insert(dims.end(), values->begin(), values->end());
    }
    return dims;
}

bool isTriangular(std::span<const float> values, std::int64_t size, bool boolean) {
    for (std::int64_t query = 0; query < size; ++query)
        for (std::int64_t key = 0; key < size; ++key) {
            const float value = values[static_cast<std::size_t>(query * size + key)];
            const bool passes = boolean ? value != 0 : value == 0;
            const bool blocks = boolean ? value == 0 : value <= -1e4f;
            if (key <= query ? !passes : !blocks)
                return false;
        }
    return true;
}

bool swapsLastTwo(const Node &transpose) {
    const std::vector<std::int64_t> perm = transpose.intsAttribute("perm");
    const std::size_t rank = perm.size();
    if (rank < 2)
        return false;
    for (std::size_t axis = 0; axis + 2 < rank; ++axis)
        if (perm[axis] != static_cast<std::int64_t>(axis))
            return false;
    return perm[rank - 2] == static_cast<std::int64_t>(rank) - 1;
}

} // namespace

std::span<const ValueId> dataInputs(const Node &node) {
    const std::span<const ValueId> all(node.inputs);
    if (node.opType == "Where")
        return all.subspan(std::min<std::size_t>(1, all.size()));
    if (node.opType == "Shape" || node.opType == "Size" || node.opType == "ConstantOfShape")
        return {};
    return isOneOf(node.opType, kOneActivation) && !all.empty() ? all.first(1) : all;
}

const Node *producerOf(const ModelGraph &graph, ValueId value) {
    if (value == kNoValue || graph.constant(value) || graph.value(value).producer == kNoNode)
        return nullptr;
    const Node &node = graph.node(graph.value(value).producer);
    // Importers see to the operands of the standard's operators; others of the same name may have fewer.
    return node.domain.empty() || node.inputs.size() >= 2 ? &node : nullptr;
}

std::optional<double> scalarConstant(const ModelGraph &graph, ValueId value) {
    const Tensor *constant = value == kNoValue ? nullptr : graph.constant(value);
    if (!constant || constant->numel() != 1)
        return std::nullopt;
    const auto number = toFloat32(*constant);
    return number ? std::optional<double>(number->values<float>()[0]) : std::nullopt;
}

bool isCausalConstant(const ModelGraph &graph, ValueId value, bool boolean) {
    for (int step = 0; step < kLongestWalk; ++step) {
        const Node *node = producerOf(graph, value);
        if (!node || !isOneOf(node->opType, kCut))
            break;
        value = node->inputs[0];
    }
    const Tensor *constant = value == kNoValue ? nullptr : graph.constant(value);
    if (!constant || constant->shape().rank() < 2)
        return false;
    const Shape &shape = constant->shape();
    const std::int64_t size = shape[shape.rank() - 1];
    if (size < 2 || shape[shape.rank() - 2] != size || shape.numel() != size * size)
        return false;
    const auto values = toFloat32(*constant);
    return values && isTriangular(values->values<float>(), size, boolean);
}

ValueId beforeTranspose(const ModelGraph &graph, ValueId value) {
    const Node *node = producerOf(graph, value);
    return node && node->opType == "Transpose" && swapsLastTwo(*node) ? node->inputs[0] : value;
}

ValueId beforeRepeat(const ModelGraph &graph, ValueId value) {
    for (int step = 0; step < kLongestWalk; ++step) {
        const Node *node = producerOf(graph, value);
        if (!node)
            return kNoValue;
        if (node->opType == "Expand" || node->opType == "Tile") {
            const Node *before = producerOf(graph, node->inputs[0]);
            const bool addsAxis = before && (before->opType == "Unsqueeze" || before->opType == "Reshape");
            return addsAxis ? before->inputs[0] : node->inputs[0];
        }
        if (!isOneOf(node->opType, kSameElements))
            return kNoValue;
        value = node->inputs[0];
    }
    return kNoValue;
}

HeadSplit headSplit(const ModelGraph &graph, ValueId value) {
    for (int step = 0; step < kLongestWalk; ++step) {
        const Node *node = producerOf(graph, value);
        if (!node)
            break;
        if (node->opType == "Reshape" && node->inputs.size() > 1) {
            const std::vector<std::int64_t> dims = reshapeTarget(graph, node->inputs[1]);
            const std::size_t rank = dims.size();
            if (rank >= 4 && dims[rank - 2] > 0 && dims[rank - 1] > 0)
                return {dims[rank - 2], dims[rank - 1]};
        }
        if (node->opType == "MatMul" || node->opType == "Gemm")
            break;
        const auto inputs = dataInputs(*node);
        const auto next = std::find_if(inputs.begin(), inputs.end(),
                                       [&](ValueId input) { return producerOf(graph, input) != nullptr; });
        if (next == inputs.end())
            break;
        value = *next;
    }
    return {};
}

} // namespace qs
