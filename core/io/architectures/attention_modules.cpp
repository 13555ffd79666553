#include "core/io/architectures/attention_modules.h"

#include <cmath>
#include <fmt/format.h>
#include <numeric>

namespace qs {
namespace {

constexpr float kMasked = -1e9f;
using Ints = std::vector<std::int64_t>;

/// Every head of K or V as often as there are query heads for it.
ValueId repeatHeads(GraphWriter &graph, const std::string &module, ValueId x, const AttentionShape &shape) {
    const std::int64_t copies = shape.heads / shape.kvHeads;
    if (copies == 1)
        return x;
    const ValueId grouped = graph.op(module, "Unsqueeze", {x, graph.ints({2})});
    const ValueId repeated = graph.op(module, "Expand", {grouped, graph.ints({1, 1, copies, 1, 1})});
    return graph.op(module, "Reshape", {repeated, graph.ints({0, shape.heads, -1, shape.width})});
}

} // namespace

SequenceTables::SequenceTables(GraphWriter &graph, ValueId ids)
    : m_graph(graph), m_length(graph.op("", "Gather", {graph.op("", "Shape", {ids}), graph.ints({1})},
                                        {{"axis", std::int64_t{0}}})) {}

ValueId SequenceTables::cut(ValueId table, std::int64_t axis) const {
    return m_graph.op("", "Slice",
                      {table, m_graph.ints({0}), m_length, m_graph.ints({axis}), m_graph.ints({1})});
}

ValueId SequenceTables::rows(ValueId table) const {
    return cut(table, 0);
}

ValueId SequenceTables::causalMask(std::int64_t positions, std::int64_t window) const {
    Tensor mask = Tensor::zeros(DType::Float32, Shape{positions, positions});
    const auto values = mask.mutableValues<float>();
    for (std::int64_t query = 0; query < positions; ++query)
        for (std::int64_t key = 0; key < positions; ++key)
            if (key > query || (window > 0 && key <= query - window))
                values[static_cast<std::size_t>(query * positions + key)] = kMasked;
    const std::string name = window > 0 ? fmt::format("causal_mask.window_{}", window) : "causal_mask";
    return cut(cut(m_graph.constant(name, std::move(mask)), 0), 1);
}

ValueId SequenceTables::positionIds(std::int64_t positions, std::int64_t offset) const {
    Ints ids(static_cast<std::size_t>(positions));
    std::iota(ids.begin(), ids.end(), offset);
    return rows(m_graph.ints(ids));
}

ValueId splitHeads(GraphWriter &graph, const std::string &module, ValueId x, std::int64_t heads,
                   std::int64_t width) {
    const ValueId split = graph.op(module, "Reshape", {x, graph.ints({0, 0, heads, width})});
    return graph.op(module, "Transpose", {split}, {{"perm", Ints{0, 2, 1, 3}}});
}

ValueId attend(GraphWriter &graph, const std::string &module, const AttentionShape &shape, ValueId query,
               ValueId key, ValueId value, ValueId mask) {
    const ValueId keys =
        graph.op(module, "Transpose", {repeatHeads(graph, module, key, shape)}, {{"perm", Ints{0, 1, 3, 2}}});
    const ValueId values = repeatHeads(graph, module, value, shape);
    ValueId scores = graph.op(module, "MatMul", {query, keys});
    scores = graph.mul(module, scores, graph.number(1 / std::sqrt(static_cast<double>(shape.width))));
    if (mask != kNoValue)
        scores = graph.add(module, scores, mask);
    const ValueId probabilities = graph.op(module, "Softmax", {scores}, {{"axis", std::int64_t{-1}}});
    const ValueId heads = graph.op(module, "MatMul", {probabilities, values});
    const ValueId tokens = graph.op(module, "Transpose", {heads}, {{"perm", Ints{0, 2, 1, 3}}});
    return graph.op(module, "Reshape", {tokens, graph.ints({0, 0, shape.heads * shape.width})});
}

} // namespace qs
