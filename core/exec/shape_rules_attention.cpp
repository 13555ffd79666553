#include "core/exec/shape_rules.h"

namespace qs {
namespace {

using Shapes = Result<std::vector<Shape>>;

Shapes misfit() {
    return fail(ErrorCode::InvalidArgument, "the operands do not fit");
}

/// Far beyond any real network, and small enough that products of it with an axis cannot overflow.
constexpr std::int64_t kMostHeads = 1 << 20;

bool isCount(std::int64_t heads) {
    return heads >= 1 && heads <= kMostHeads;
}

std::int64_t lastOf(const Shape &shape) {
    return shape.rank() == 0 ? 0 : shape[shape.rank() - 1];
}

/// The shape of an operand with another last axis.
Shapes withLast(const Shape &shape, std::int64_t last) {
    if (shape.rank() == 0)
        return misfit();
    Shape result = shape;
    result[result.rank() - 1] = last;
    return std::vector<Shape>{std::move(result)};
}

Shapes attention(const ShapeQuery &query) {
    if (!query.has(0) || !query.has(2) || query.shape(0).rank() != query.shape(2).rank())
        return misfit();
    if (query.shape(0).rank() == 4)
        return withLast(query.shape(0), lastOf(query.shape(2)));
    const std::int64_t heads = query.node.intAttribute("q_num_heads", 0),
                       keyHeads = query.node.intAttribute("kv_num_heads", 0);
    std::int64_t width = 0;
    if (!isCount(heads) || !isCount(keyHeads) ||
        __builtin_mul_overflow(lastOf(query.shape(2)) / keyHeads, heads, &width))
        return misfit();
    return withLast(query.shape(0), width);
}

Shapes multiHeadAttention(const ShapeQuery &query) {
    if (!query.has(0) || !query.has(2) || query.shape(0).rank() != 3)
        return misfit();
    const Shape &value = query.shape(2);
    return withLast(query.shape(0), value.rank() == 4 ? value[1] * value[3] : lastOf(value));
}

Shapes groupQueryAttention(const ShapeQuery &query) {
    if (!query.has(0))
        return misfit();
    const std::int64_t heads = query.node.intAttribute("num_heads", 1),
                       keyHeads = query.node.intAttribute("kv_num_heads", 1);
    if (!isCount(heads) || !isCount(keyHeads))
        return misfit();
    const std::int64_t all = heads + 2 * keyHeads;
    const std::int64_t width = lastOf(query.shape(0));
    return withLast(query.shape(0), query.has(1) ? width : width / all * heads);
}

Shapes contribAttention(const ShapeQuery &query) {
    if (!query.has(0) || !query.has(1))
        return misfit();
    const auto widths = query.node.intsAttribute("qkv_hidden_sizes");
    return withLast(query.shape(0), widths.size() == 3 ? widths[2] : lastOf(query.shape(1)) / 3);
}

Shapes skipNormalization(const ShapeQuery &query) {
    if (!query.has(0))
        return misfit();
    return std::vector<Shape>(4, query.shape(0));
}

Shapes embedding(const ShapeQuery &query) {
    if (!query.has(0) || !query.has(2) || query.shape(0).rank() != 2)
        return misfit();
    const Shape &ids = query.shape(0);
    const Shape rows{ids[0], ids[1], lastOf(query.shape(2))};
    return std::vector<Shape>{rows, Shape{ids[0]}, rows};
}

Shapes fusedMatMul(const ShapeQuery &query) {
    if (!query.has(0) || !query.has(1))
        return misfit();
    std::vector<std::int64_t> a = query.shape(0).dims(), b = query.shape(1).dims();
    if (a.size() < 2 || b.size() < 2)
        return misfit();
    if (query.node.intAttribute("transA", 0) != 0)
        std::swap(a[a.size() - 1], a[a.size() - 2]);
    if (query.node.intAttribute("transB", 0) != 0)
        std::swap(b[b.size() - 1], b[b.size() - 2]);
    return productShapes(Shape(std::move(a)), Shape(std::move(b)));
}

Shapes matMulNBits(const ShapeQuery &query) {
    if (!query.has(0))
        return misfit();
    return withLast(query.shape(0), query.node.intAttribute("N", 0));
}

constexpr ShapeRuleEntry kOnnx[] = {
    {"Attention", attention},
    {"RotaryEmbedding", shapeOfFirstOperand},
    {"SimplifiedLayerNormalization", shapeOfFirstOperand},
};

constexpr ShapeRuleEntry kContrib[] = {
    {"Attention", contribAttention},
    {"BiasGelu", shapeOfFirstOperand},
    {"EmbedLayerNormalization", embedding},
    {"FastGelu", shapeOfFirstOperand},
    {"FusedMatMul", fusedMatMul},
    {"Gelu", shapeOfFirstOperand},
    {"GroupQueryAttention", groupQueryAttention},
    {"MatMulNBits", matMulNBits},
    {"MultiHeadAttention", multiHeadAttention},
    {"QuickGelu", shapeOfFirstOperand},
    {"RotaryEmbedding", shapeOfFirstOperand},
    {"SimplifiedLayerNormalization", shapeOfFirstOperand},
    {"SkipLayerNormalization", skipNormalization},
    {"SkipSimplifiedLayerNormalization", skipNormalization},
};

} // namespace

std::span<const ShapeRuleEntry> attentionShapeRules() {
    return kOnnx;
}
std::span<const ShapeRuleEntry> contribShapeRules() {
    return kContrib;
}

} // namespace qs
