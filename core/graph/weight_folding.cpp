#include "core/graph/weight_folding.h"

#include "core/base/machine_memory.h"
#include "core/base/number_text.h"
#include "core/graph/graph_copy.h"
#include "core/graph/node_name.h"
#include "core/graph/weight_difference.h"
#include "core/tensor/convert.h"
#include "core/tensor/permute_axes.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <numeric>
#include <set>

namespace qs {
namespace {

using Ints = std::vector<std::int64_t>;
using Parts = std::optional<std::vector<Tensor>>; ///< of a node's outputs; nothing: it is not folded

/// Which input of a node holds the weight of a layer, -1 for none.
int weightSlot(const Node &node) {
    if (!node.domain.empty())
        return -1;
    if (node.opType == "Conv" || node.opType == "MatMul" || node.opType == "Gemm")
        return 1;
    return node.opType == "Gather" ? 0 : -1;
}

bool movesAWeight(const Node &node) {
    constexpr std::string_view kMoves[] = {"Cast",    "Flatten", "Identity",  "Reshape",
                                           "Squeeze", "Split",   "Transpose", "Unsqueeze"};
    return node.domain.empty() && !node.inputs.empty() && node.inputs[0] != kNoValue &&
           std::ranges::find(kMoves, node.opType) != std::end(kMoves);
}

/// What may stand between the codes of a weight and its layer, beside operators that move.
bool makesAWeight(const Node &node) {
    constexpr std::string_view kMakers[] = {"Add", "DequantizeLinear", "Gather", "QuantizeLinear",
                                            "ScatterND"};
    return (node.domain.empty() || node.domain == "com.microsoft") && !node.inputs.empty() &&
           std::ranges::find(kMakers, node.opType) != std::end(kMakers);
}

Parts reshaped(const Tensor &tensor, Ints dims) {
    const auto count = Shape(dims).checkedNumel();
    if (!count || *count != tensor.numel())
        return std::nullopt;
    return std::vector{tensor.reshaped(Shape(std::move(dims)))};
}

Parts reshape(const Tensor &tensor, Ints dims, bool allowZero) {
    std::int64_t known = 1;
    for (std::size_t i = 0; i < dims.size(); ++i) {
        if (dims[i] == 0 && !allowZero && static_cast<int>(i) < tensor.shape().rank())
            dims[i] = tensor.shape()[static_cast<int>(i)];
        if (dims[i] < -1 || dims[i] > tensor.numel() / known)
            return std::nullopt;
        known *= std::max<std::int64_t>(1, dims[i]);
    }
    if (const auto open = std::ranges::find(dims, -1); open != dims.end())
        *open = tensor.numel() / known;
    return reshaped(tensor, std::move(dims));
}

Parts flatten(const Tensor &tensor, std::int64_t axis) {
    const Shape &shape = tensor.shape();
    axis += axis < 0 ? shape.rank() : 0;
    if (axis < 0 || axis > shape.rank())
        return std::nullopt;
    const int split = static_cast<int>(axis);
    return reshaped(tensor, {shape.numelBetween(0, split), shape.numelBetween(split, shape.rank())});
}

Parts squeeze(const Tensor &tensor, const std::optional<Ints> &axes) {
    const Shape &shape = tensor.shape();
    std::set<int> gone;
    for (const std::int64_t given : axes.value_or(Ints{})) {
        const auto axis = normalizeAxis(given, shape.rank());
        if (!axis || shape[*axis] != 1)
            return std::nullopt;
        gone.insert(*axis);
    }
    Ints dims;
    for (int axis = 0; axis < shape.rank(); ++axis)
        if (axes ? !gone.contains(axis) : shape[axis] != 1)
            dims.push_back(shape[axis]);
    return reshaped(tensor, std::move(dims));
}

Parts unsqueeze(const Tensor &tensor, const std::optional<Ints> &axes) {
    if (!axes)
        return std::nullopt;
    std::set<int> added;
    for (const std::int64_t given : *axes) {
        const auto axis = normalizeAxis(given, tensor.shape().rank() + static_cast<int>(axes->size()));
        if (!axis)
            return std::nullopt;
        added.insert(*axis);
    }
    Ints dims = tensor.shape().dims();
    for (const int axis : added)
        dims.insert(dims.begin() + axis, 1);
    return reshaped(tensor, std::move(dims));
}

Parts transpose(const Tensor &tensor, const Ints &perm) {
    const int rank = tensor.shape().rank();
    std::vector<int> order(static_cast<std::size_t>(rank));
    std::iota(order.rbegin(), order.rend(), 0);
    if (!perm.empty())
        order.assign(perm.begin(), perm.end());
    const std::set<int> axes(order.begin(), order.end());
    if (std::ssize(order) != rank || std::ssize(axes) != rank ||
        (rank > 0 && (*axes.begin() < 0 || *axes.rbegin() >= rank)))
        return std::nullopt;
    if (rank == 2 && order[0] == 1 && tensor.dtype() == DType::Float32) {
        const Shape &shape = tensor.shape();
        Tensor made = Tensor::allocate(DType::Float32, {shape[1], shape[0]});
        transposeInto(tensor.values<float>().data(), made.mutableValues<float>().data(), shape[0], shape[1]);
        return std::vector{std::move(made)};
    }
    return std::vector{permuteAxes(tensor, order)};
}

Parts split(const Tensor &tensor, std::int64_t axisGiven, std::optional<Ints> sizes, std::size_t parts) {
    const Shape &shape = tensor.shape();
    const auto axis = normalizeAxis(axisGiven, shape.rank());
    if (!axis || parts == 0)
        return std::nullopt;
    const auto count = static_cast<std::int64_t>(parts), length = shape[*axis];
    if (!sizes) {
        const std::int64_t each = (length + count - 1) / count;
        sizes = Ints(parts, each);
        sizes->back() = length - each * (count - 1);
    }
    if (sizes->size() != parts || std::ranges::any_of(*sizes, [](auto size) { return size < 0; }) ||
        std::accumulate(sizes->begin(), sizes->end(), std::int64_t(0)) != length)
        return std::nullopt;
    const std::int64_t outer = shape.numelBetween(0, *axis);
    const std::size_t row =
        tensor.sizeBytes() / static_cast<std::size_t>(std::max<std::int64_t>(1, outer * length));
    std::vector<Tensor> tensors;
    std::size_t begin = 0;
    for (const std::int64_t size : *sizes) {
        Shape part = shape;
        part[*axis] = size;
        Tensor &made = tensors.emplace_back(Tensor::allocate(tensor.dtype(), std::move(part)));
        const std::size_t bytes = static_cast<std::size_t>(size) * row;
        for (std::int64_t o = 0; o < outer && bytes > 0; ++o)
            std::memcpy(made.mutableBytes() + static_cast<std::size_t>(o) * bytes,
                        tensor.bytes() + static_cast<std::size_t>(o * length) * row + begin, bytes);
        begin += bytes;
    }
    return tensors;
}

/// Folds the nodes of one graph, in order.
class WeightFolding {
public:
    explicit WeightFolding(const ModelGraph &graph)
        : m_graph(graph), m_room(machineMemoryBytes() / 4),
          m_outputs(graph.outputs().begin(), graph.outputs().end()),
          m_toWeights(valuesOnTheWayToWeights(graph)) {}

    void run() {
        for (std::size_t n = 0; n < m_graph.nodes().size(); ++n)
            if (const Node &node = m_graph.nodes()[n]; isWanted(node))
                fold(static_cast<NodeId>(n), node);
    }

    bool changesNothing() const { return m_removed.empty(); }
    const std::vector<std::string> &leftOut() const { return m_leftOut; }

    Result<ModelGraph> rebuild() && {
        GraphBuilder builder = copyFrame(m_graph);
        for (std::size_t n = 0; n < m_graph.nodes().size(); ++n)
            if (!m_removed.contains(static_cast<NodeId>(n)))
                QS_CHECK_OK(builder.addNode(m_graph.nodes()[n]));
        for (const auto &[id, tensor] : m_graph.constants())
            if (m_graph.consumers(id).empty() || isRead(id))
                QS_CHECK_OK(builder.addConstant(id, tensor));
        for (auto &[id, tensor] : m_made)
            if (isRead(id))
                QS_CHECK_OK(builder.addConstant(id, std::move(tensor)));
        return std::move(builder).finish(openValues(m_graph));
    }

private:
    bool leadsToWeight(const Node &node) const {
        return std::ranges::any_of(node.outputs, [&](ValueId id) { return m_toWeights.contains(id); });
    }

    bool isWanted(const Node &node) const {
        if (!movesAWeight(node) || std::ranges::any_of(node.outputs, [&](ValueId id) {
                return id == kNoValue || m_outputs.contains(id);
            }))
            return false;
        const Tensor *tensor = constantInput(node, 0);
        if (node.opType == "Identity")
            return tensor != nullptr;
        return tensor && isFloatingPoint(tensor->dtype()) && dtypeBits(tensor->dtype()) % 8 == 0 &&
               tensor->numel() > 0 && leadsToWeight(node);
    }

    const Tensor *constantInput(const Node &node, std::size_t index) const {
        if (index >= node.inputs.size() || node.inputs[index] == kNoValue)
            return nullptr;
        const auto made = m_made.find(node.inputs[index]);
        return made != m_made.end() ? &made->second : m_graph.constant(node.inputs[index]);
    }

    /// Integers that an attribute holds, or since some opset an input. False: they are computed.
    bool readIntegers(const Node &node, const char *attribute, std::optional<Ints> &values) const {
        if (node.hasAttribute(attribute)) {
            values = node.intsAttribute(attribute);
            return true;
        }
        if (node.inputs.size() < 2 || node.inputs[1] == kNoValue)
            return true;
        const Tensor *tensor = constantInput(node, 1);
        auto read = tensor ? toInt64Vector(*tensor) : fail(ErrorCode::Unsupported, {});
        if (read)
            values = std::move(*read);
        return read.has_value();
    }

    Parts moved(const Node &node, const Tensor &tensor) const {
        if (node.opType == "Transpose")
            return transpose(tensor, node.intsAttribute("perm"));
        if (node.opType == "Flatten")
            return flatten(tensor, node.intAttribute("axis", 1));
        std::optional<Ints> values;
        const char *attribute = node.opType == "Reshape" ? "shape"
                                : node.opType == "Split" ? "split"
                                                         : "axes";
        if (!readIntegers(node, attribute, values))
            return std::nullopt;
        if (node.opType == "Reshape")
            return values ? reshape(tensor, std::move(*values), node.intAttribute("allowzero", 0) != 0)
                          : std::nullopt;
        if (node.opType == "Split")
            return split(tensor, node.intAttribute("axis", 0), std::move(values), node.outputs.size());
        return node.opType == "Squeeze" ? squeeze(tensor, values) : unsqueeze(tensor, values);
    }

    static Parts converted(const Tensor &tensor, DType type) {
        if (!isFloatingPoint(type) || dtypeBits(type) < 16)
            return std::nullopt;
        auto cast = castTensor(tensor, type);
        return cast ? Parts(std::vector{std::move(*cast)}) : std::nullopt;
    }

    void fold(NodeId id, const Node &node) {
        const Tensor tensor = *constantInput(node, 0);
        if (!fits(node, tensor))
            return;
        Parts parts = node.opType == "Identity" ? Parts(std::vector{tensor})
                      : node.opType == "Cast"
                          ? converted(tensor, static_cast<DType>(node.intAttribute("to", 0)))
                          : moved(node, tensor);
        if (!parts || parts->size() != node.outputs.size())
            return;
        for (std::size_t i = 0; i < parts->size(); ++i)
            m_made[node.outputs[i]] = std::move((*parts)[i]);
        m_removed.insert(id);
    }

    /// Whether the copy that an operator makes fits into memory, if it makes one.
    bool fits(const Node &node, const Tensor &tensor) {
        if (node.opType != "Cast" && node.opType != "Split" && node.opType != "Transpose")
            return true;
        const DType made =
            node.opType == "Cast" ? static_cast<DType>(node.intAttribute("to", 0)) : tensor.dtype();
        const std::uint64_t bytes =
            static_cast<std::uint64_t>(tensor.numel()) * static_cast<std::uint64_t>(dtypeBits(made)) / 8;
        if (bytes > m_room) {
            m_leftOut.push_back(nodeLabel(node));
            return false;
        }
        m_room -= bytes;
        return true;
    }

    bool isRead(ValueId id) const {
        return m_outputs.contains(id) || std::ranges::any_of(m_graph.consumers(id), [&](NodeId reader) {
                   return !m_removed.contains(reader);
               });
    }

    const ModelGraph &m_graph;
    std::uint64_t m_room;
    std::set<ValueId> m_outputs, m_toWeights;
    std::map<ValueId, Tensor> m_made;
    std::set<NodeId> m_removed;
    std::vector<std::string> m_leftOut;
};

} // namespace

std::set<ValueId> valuesOnTheWayToWeights(const ModelGraph &graph) {
    std::set<ValueId> values;
    for (auto node = graph.nodes().rbegin(); node != graph.nodes().rend(); ++node) { // in topological order
        const int slot = weightSlot(*node);
        if (slot >= 0 && slot < static_cast<int>(node->inputs.size()))
            values.insert(node->inputs[static_cast<std::size_t>(slot)]);
        const bool leads =
            std::ranges::any_of(node->outputs, [&](ValueId id) { return values.contains(id); });
        if (leads && (movesAWeight(*node) || makesAWeight(*node)))
            values.insert(node->inputs[0]);
    }
    return values;
}

Result<ModelGraph> foldWeights(ModelGraph graph, FindingList &findings) {
    WeightFolding folding(graph);
    folding.run();
    if (const auto &names = folding.leftOut(); !names.empty())
        findings.add(Severity::Warning,
                     fmt::format("{} operators that bring weights to their layers, such as {}, would need "
                                 "copies that do not fit into memory: these layers are not listed",
                                 names.size(), names.front()),
                     names.front(), "export the model with constant folding");
    if (folding.changesNothing())
        return graph;
    return std::move(folding).rebuild();
}

} // namespace qs
