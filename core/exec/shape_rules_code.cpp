#include "core/exec/reference/einsum_equation.h"
#include "core/exec/shape_rules.h"

namespace qs {
namespace {

using Shapes = Result<std::vector<Shape>>;

tl::unexpected<Error> misfit(const std::string &what) {
    return fail(ErrorCode::InvalidArgument, what);
}

template <std::size_t Right>
Shapes product(const ShapeQuery &query) {
    if (!query.has(0) || !query.has(Right))
        return misfit("a factor is missing");
    return productShapes(query.shape(0), query.shape(Right));
}

Shapes dynamicQuantization(const ShapeQuery &query) {
    if (!query.has(0))
        return misfit("the operand is missing");
    return std::vector<Shape>{query.shape(0), Shape{}, Shape{}};
}

Shapes einsum(const ShapeQuery &query) {
    QS_TRY(const auto equation, EinsumEquation::parse(query.node.stringAttribute("equation", "")));
    std::vector<const Shape *> shapes;
    for (const TracedValue *input : query.inputs) {
        if (!input)
            return misfit("an operand is missing");
        shapes.push_back(&input->shape);
    }
    QS_TRY(auto plan, equation.plan(shapes));
    return std::vector<Shape>{std::move(plan.result)};
}

Shapes determinant(const ShapeQuery &query) {
    if (!query.has(0) || query.shape(0).rank() < 2)
        return misfit("the operand is no matrix");
    const Shape &shape = query.shape(0);
    return std::vector<Shape>{Shape(std::vector<std::int64_t>(shape.begin(), shape.end() - 2))};
}

/// The loss, and of SoftmaxCrossEntropyLoss the log probabilities.
Shapes loss(const ShapeQuery &query) {
    if (!query.has(0) || !query.has(1))
        return misfit("scores or classes are missing");
    const bool none = query.node.stringAttribute("reduction", "mean") == "none";
    return std::vector<Shape>{none ? query.shape(1) : Shape{}, query.shape(0)};
}

constexpr ShapeRuleEntry kRules[] = {
    {"MatMulInteger", product<1>},
    {"QLinearMatMul", product<3>},
    {"DynamicQuantizeLinear", dynamicQuantization},
    {"Einsum", einsum},
    {"Det", determinant},
    {"NegativeLogLikelihoodLoss", loss},
    {"SoftmaxCrossEntropyLoss", loss},
};

} // namespace

std::span<const ShapeRuleEntry> codeShapeRules() {
    return kRules;
}

} // namespace qs
