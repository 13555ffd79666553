#include "core/exec/fusion.h"
#include "core/exec/row_tail.h"

#include <algorithm>

namespace qs {
namespace {

/// Follows the nodes behind a product, one after the other.
class TailReader {
public:
    TailReader(const ModelGraph &graph, NodeId id) : m_graph(graph), m_last(id) {}

    NodeId last() const { return m_last; }

    /// product + bias
    bool takeBias(std::int64_t columns, RowTail &tail) {
        const ValueId product = output(m_last);
        const Node *add = node(m_last + 1, "Add");
        if (!add || !isReadBy(product, {m_last + 1}))
            return false;
        const Tensor *bias = constantBeside(*add, product);
        if (!bias || bias->shape() != Shape{columns})
            return false;
        tail.bias.assign(bias->values<float>().begin(), bias->values<float>().end());
        ++m_last;
        return true;
    }

    /// ((erf(x / divisor) + one) · x) · half
    bool takeGelu(RowTail &tail) {
        const ValueId x = output(m_last);
        const Node *div = node(m_last + 1, "Div"), *erf = node(m_last + 2, "Erf"),
                   *add = node(m_last + 3, "Add"), *times = node(m_last + 4, "Mul"),
                   *scale = node(m_last + 5, "Mul");
        if (!div || !erf || !add || !times || !scale || div->inputs.front() != x ||
            !isReadBy(x, {m_last + 1, m_last + 4}) || !follow(m_last + 1, 4) || !reads(*times, x))
            return false;
        const float *divisor = scalarBeside(*div, x), *one = scalarBeside(*add, erf->outputs.front()),
                    *half = scalarBeside(*scale, times->outputs.front());
        if (!divisor || !one || !half)
            return false;
        tail.activation = RowTail::Activation::Gelu;
        tail.divisor = *divisor;
        tail.one = *one;
        tail.half = *half;
        m_last += 5;
        return true;
    }

    /// x · sigmoid(x)
    bool takeSilu(RowTail &tail) {
        const ValueId x = output(m_last);
        const Node *sigmoid = node(m_last + 1, "Sigmoid"), *times = node(m_last + 2, "Mul");
        if (!sigmoid || !times || sigmoid->inputs.front() != x || !isReadBy(x, {m_last + 1, m_last + 2}) ||
            !follow(m_last + 1, 1) || !reads(*times, x))
            return false;
        tail.activation = RowTail::Activation::Silu;
        m_last += 2;
        return true;
    }

    /// A file may leave out what every operator of a chain has.
    static bool isWhole(const Node &node) {
        return !node.inputs.empty() && node.outputs.size() == 1 && node.outputs.front() != kNoValue;
    }

private:
    ValueId output(NodeId id) const { return m_graph.node(id).outputs.front(); }

    const Node *node(NodeId id, std::string_view opType) const {
        if (static_cast<std::size_t>(id) >= m_graph.nodes().size())
            return nullptr;
        const Node &found = m_graph.node(id);
        return found.opType == opType && found.domain.empty() && isWhole(found) ? &found : nullptr;
    }

    static bool reads(const Node &node, ValueId value) { return std::ranges::count(node.inputs, value) == 1; }

    /// Whether these nodes, and nobody else, read the value.
    bool isReadBy(ValueId value, const std::vector<NodeId> &readers) const {
        return m_graph.consumers(value) == readers && std::ranges::count(m_graph.outputs(), value) == 0;
    }

    /// Whether each of `count` nodes from `first` on is read by the next one only, once.
    bool follow(NodeId first, NodeId count) const {
        for (NodeId id = first; id < first + count; ++id)
            if (!isReadBy(output(id), {id + 1}) || !reads(m_graph.node(id + 1), output(id)))
                return false;
        return true;
    }

    /// The float32 constant that a node with two operands combines with `value`, or nullptr.
    const Tensor *constantBeside(const Node &node, ValueId value) const {
        if (node.inputs.size() != 2 || !reads(node, value))
            return nullptr;
        const ValueId other = node.inputs[node.inputs[0] == value ? 1 : 0];
        const Tensor *tensor = other == kNoValue ? nullptr : m_graph.constant(other);
        return tensor && tensor->dtype() == DType::Float32 ? tensor : nullptr;
    }

    const float *scalarBeside(const Node &node, ValueId value) const {
        const Tensor *tensor = constantBeside(node, value);
        return tensor && tensor->shape().rank() == 0 ? tensor->values<float>().data() : nullptr;
    }

    const ModelGraph &m_graph;
    NodeId m_last;
};

} // namespace

std::optional<FusedNodes> fuseProduct(const ModelGraph &graph, NodeId id, Kernel product) {
    const Node &node = graph.node(id);
    if (node.opType != "MatMul" || !node.domain.empty() || node.inputs.size() != 2 ||
        !TailReader::isWhole(node) || node.inputs[1] == kNoValue)
        return std::nullopt;
    const Tensor *weight = graph.constant(node.inputs[1]);
    if (!weight || weight->dtype() != DType::Float32 || weight->shape().rank() != 2 ||
        weight->shape()[1] % RowTail::kMultiple != 0)
        return std::nullopt;
    RowTail tail;
    TailReader reader(graph, id);
    const bool hasBias = reader.takeBias(weight->shape()[1], tail);
    if (!reader.takeGelu(tail) && !reader.takeSilu(tail) && !hasBias)
        return std::nullopt;
    return FusedNodes{reader.last(),
                      [product = std::move(product), tail = std::move(tail)](KernelCall &call) -> Outputs {
                          QS_TRY(std::vector<Tensor> outputs, product(call));
                          QS_CHECK_OK(changeAsFloat32(
                              outputs.front(), [&](Tensor &result) { return tail.apply(result, call.ctx); }));
                          return outputs;
                      }};
}

} // namespace qs
