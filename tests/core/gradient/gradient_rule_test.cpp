// Every gradient rule against central differences of the forward pass in float64: the same kernels run on
// doubles, so that differences with step 1e-5 are good to about 1e-9, and what remains is the float32
// rounding of the rule. Tolerance: 2e-5 of the largest gradient (sums of some hundred float32 products).
#include "core/base/random.h"
#include "core/gradient/gradient_rule.h"
#include "core/gradient/tape.h"
#include "tests/core/exec/small_model.h"

#include <gtest/gtest.h>
#include <ostream>
#include <set>

namespace qs {
namespace {

constexpr double kStep = 1e-5, kTolerance = 2e-5;

struct Operand {
    Shape shape;
    double low = -2, high = 2;
    std::vector<std::int64_t> integers = {}; ///< an index operand instead of values
    bool isIndex = false;
};

Operand index(std::vector<std::int64_t> values) {
    return {Shape{static_cast<std::int64_t>(values.size())}, 0, 0, std::move(values), true};
}

struct RuleCase {
    std::string name, op;
    std::vector<Operand> operands;
    std::map<std::string, Attribute> attributes = {};
    std::int64_t opset = 17;
    std::vector<std::size_t> wanted = {}; ///< empty: every operand with values
    int outputs = 1;
};

std::ostream &operator<<(std::ostream &stream, const RuleCase &rule) {
    return stream << rule.name;
}

using Ints = std::vector<std::int64_t>;

std::vector<RuleCase> ruleCases() {
    const Operand x{Shape{2, 3, 4}}, positive{Shape{2, 3, 4}, 0.5, 2};
    const Attribute yes = std::int64_t{1}, no = std::int64_t{0};
    std::vector<RuleCase> cases = {
        {"Add", "Add", {x, {Shape{3, 1}}}},
        {"AddScalar", "Add", {{Shape{}}, x}},
        {"Sum", "Sum", {x, {Shape{4}}, {Shape{2, 1, 1}}}},
        {"Sub", "Sub", {{Shape{1, 4}}, x}},
        {"Mul", "Mul", {x, {Shape{3, 1}}}},
        {"MulSame", "Mul", {x, x}},
        {"Div", "Div", {x, {Shape{2, 1, 4}, 0.5, 2}}},
        {"Pow", "Pow", {positive, {Shape{4}, 0.5, 3}}},
        {"PowSquare", "Pow", {x, {Shape{}, 2, 2}}, {}, 17, {0}},
        {"Max", "Max", {x, {Shape{4}}}},
        {"Min", "Min", {x, {Shape{4}}}},
        {"PRelu", "PRelu", {x, {Shape{3, 1}}}},
        {"MatMul", "MatMul", {{Shape{2, 3, 4}}, {Shape{4, 5}}}},
        {"MatMulBatched", "MatMul", {{Shape{2, 1, 3, 4}}, {Shape{1, 3, 4, 5}}}},
        {"MatMulSharedLeft", "MatMul", {{Shape{3, 4}}, {Shape{5, 4, 2}}}},
        {"MatMulVector", "MatMul", {{Shape{2, 3, 4}}, {Shape{4}}}},
        {"MatMulVectorLeft", "MatMul", {{Shape{4}}, {Shape{2, 4, 3}}}},
        {"Gemm", "Gemm", {{Shape{3, 4}}, {Shape{4, 5}}, {Shape{5}}}},
        {"GemmScaled",
         "Gemm",
         {{Shape{3, 4}}, {Shape{5, 4}}, {Shape{3, 1}}},
         {{"transB", yes}, {"alpha", 0.5}, {"beta", -2.0}}},
        {"GemmTransposedA", "Gemm", {{Shape{4, 3}}, {Shape{4, 5}}}, {{"transA", yes}}},
        {"GemmTransposedBoth",
         "Gemm",
         {{Shape{4, 3}}, {Shape{5, 4}}},
         {{"transA", yes}, {"transB", yes}, {"alpha", 3.0}}},
        {"Conv",
         "Conv",
         {{Shape{2, 3, 6, 5}}, {Shape{4, 3, 3, 3}}, {Shape{4}}},
         {{"pads", Ints{1, 1, 1, 1}}}},
        {"ConvPointwise", "Conv", {{Shape{2, 3, 4, 4}}, {Shape{5, 3, 1, 1}}}},
        {"ConvStrided",
         "Conv",
         {{Shape{9, 2, 7, 6}}, {Shape{3, 2, 3, 2}}},
         {{"strides", Ints{2, 3}}, {"pads", Ints{1, 0, 2, 1}}, {"dilations", Ints{1, 2}}}},
        {"ConvGrouped",
         "Conv",
         {{Shape{2, 4, 5, 5}}, {Shape{6, 2, 3, 3}}},
         {{"group", std::int64_t{2}}, {"pads", Ints{1, 1, 1, 1}}}},
        {"ConvDepthwise",
         "Conv",
         {{Shape{2, 3, 6, 6}}, {Shape{3, 1, 3, 3}}, {Shape{3}}},
         {{"group", std::int64_t{3}}, {"strides", Ints{2, 2}}, {"pads", Ints{1, 1, 1, 1}}}},
        {"ConvDepthMultiplier",
         "Conv",
         {{Shape{1, 2, 5, 5}}, {Shape{4, 1, 2, 3}}},
         {{"group", std::int64_t{2}}}},
        {"Conv1D",
         "Conv",
         {{Shape{2, 3, 8}}, {Shape{4, 3, 3}}},
         {{"pads", Ints{2, 0}}, {"dilations", Ints{2}}}},
        {"LayerNormalization", "LayerNormalization", {{Shape{2, 3, 8}}, {Shape{8}}, {Shape{8}}}},
        {"LayerNormalizationTwoAxes",
         "LayerNormalization",
         {{Shape{2, 3, 4}}, {Shape{3, 4}}},
         {{"axis", std::int64_t{1}}}},
        {"BatchNormalization",
         "BatchNormalization",
         {{Shape{2, 3, 4}}, {Shape{3}}, {Shape{3}}, {Shape{3}}, {Shape{3}, 0.5, 2}},
         {},
         17,
         {0, 1, 2}},
        {"Softmax", "Softmax", {x}},
        {"SoftmaxAxis", "Softmax", {x}, {{"axis", std::int64_t{1}}}},
        {"SoftmaxFlattened", "Softmax", {x}, {{"axis", std::int64_t{1}}}, 11},
        {"ReduceMean", "ReduceMean", {x}, {{"axes", Ints{0, 2}}, {"keepdims", no}}},
        {"ReduceMeanAll", "ReduceMean", {x}},
        {"ReduceMeanAxesInput", "ReduceMean", {x, index({-1})}, {}, 18},
        {"ReduceSum", "ReduceSum", {x, index({1})}, {{"keepdims", no}}},
        {"ReduceSumNothing", "ReduceSum", {x}, {{"noop_with_empty_axes", yes}}},
        {"ReduceSumSquare", "ReduceSumSquare", {x}, {{"axes", Ints{1}}}},
        {"Transpose", "Transpose", {x}, {{"perm", Ints{2, 0, 1}}}},
        {"Reshape", "Reshape", {x, index({4, -1})}},
        {"Flatten", "Flatten", {x}},
        {"Squeeze", "Squeeze", {{Shape{2, 1, 3}}, index({1})}},
        {"Unsqueeze", "Unsqueeze", {x, index({0, 2})}},
        {"Identity", "Identity", {x}},
        {"Concat", "Concat", {x, {Shape{2, 2, 4}}, x}, {{"axis", std::int64_t{1}}}},
        {"Split", "Split", {x, index({1, 3})}, {{"axis", std::int64_t{-1}}}, 17, {}, 2},
        {"Slice", "Slice", {x, index({3, 0}), index({-5, 2}), index({2, 1}), index({-2, 1})}},
        {"Gather", "Gather", {{Shape{5, 3}}, index({4, 0, 4, 2})}},
        {"GatherAxis", "Gather", {x, index({1, 1})}, {{"axis", std::int64_t{1}}}},
        {"Expand", "Expand", {{Shape{3, 1}}, index({2, 3, 4})}},
        {"Tile", "Tile", {{Shape{2, 3}}, index({2, 2})}},
        {"AveragePool",
         "AveragePool",
         {{Shape{1, 2, 5, 5}}},
         {{"kernel_shape", Ints{3, 3}}, {"strides", Ints{2, 2}}, {"pads", Ints{1, 1, 1, 1}}}},
        {"AveragePoolCountsPadding",
         "AveragePool",
         {{Shape{1, 2, 5, 5}}},
         {{"kernel_shape", Ints{3, 2}}, {"pads", Ints{1, 0, 1, 1}}, {"count_include_pad", yes}}},
        {"MaxPool",
         "MaxPool",
         {{Shape{1, 2, 5, 5}}},
         {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}}},
        {"GlobalAveragePool", "GlobalAveragePool", {{Shape{2, 3, 4, 4}}}},
        {"GlobalMaxPool", "GlobalMaxPool", {{Shape{2, 3, 4, 4}}}},
        {"LeakyRelu", "LeakyRelu", {x}, {{"alpha", 0.3}}},
        {"Elu", "Elu", {x}, {{"alpha", 1.5}}},
        {"HardSigmoid", "HardSigmoid", {{Shape{30}, -4, 4}}},
        {"HardSwish", "HardSwish", {{Shape{30}, -4, 4}}},
        {"Gelu", "Gelu", {x}, {}, 20},
        {"GeluTanh", "Gelu", {x}, {{"approximate", std::string("tanh")}}, 20},
        {"Clip", "Clip", {x, {Shape{}, -0.7, -0.7}, {Shape{}, 0.9, 0.9}}, {}, 17, {0}},
        {"ClipAttributes", "Clip", {x}, {{"min", 0.0}, {"max", 1.0}}, 6},
    };
    for (const char *op : {"Neg", "Abs", "Exp", "Sin", "Cos", "Relu", "Sigmoid", "Tanh", "Erf", "Softplus"})
        cases.push_back({op, op, {x}});
    for (const char *op : {"Sqrt", "Reciprocal", "Log"})
        cases.push_back({op, op, {positive}});
    return cases;
}

/// A case as a graph whose inputs are all operands, and its values in float64.
class Problem {
public:
    explicit Problem(const RuleCase &rule) : m_rule(rule) {
        SmallModel builder(rule.opset);
        Random random(7);
        std::vector<std::string> names, outputs;
        for (std::size_t i = 0; i < rule.operands.size(); ++i) {
            const Operand &operand = rule.operands[i];
            names.push_back("x" + std::to_string(i));
            builder.input(names.back(), operand.isIndex ? DType::Int64 : DType::Float32, operand.shape);
            m_values.emplace_back();
            for (std::int64_t k = 0; k < operand.shape.numel() && !operand.isIndex; ++k) {
                const double value = operand.low + (operand.high - operand.low) * random.uniform();
                m_values.back().push_back(static_cast<float>(value)); // representable in both types
            }
        }
        for (int i = 0; i < rule.outputs; ++i)
            outputs.push_back("y" + std::to_string(i));
        builder.node(rule.op, names, outputs, rule.attributes);
        auto tape = GradientTape::create(builder.build());
        EXPECT_TRUE(tape) << tape.error().text();
        m_tape = *tape;
    }

    const GradientTape &tape() const { return *m_tape; }
    ValueId operand(std::size_t i) const { return tape().model().graph.node(0).inputs[i]; }

    std::vector<std::size_t> wanted() const {
        if (!m_rule.wanted.empty())
            return m_rule.wanted;
        std::vector<std::size_t> all;
        for (std::size_t i = 0; i < m_rule.operands.size(); ++i)
            if (!m_rule.operands[i].isIndex)
                all.push_back(i);
        return all;
    }

    template <typename T>
    TapeRecord forward() const {
        std::unordered_map<ValueId, Tensor> inputs;
        for (std::size_t i = 0; i < m_values.size(); ++i) {
            const Operand &operand = m_rule.operands[i];
            if (operand.isIndex) {
                inputs[this->operand(i)] = Tensor::fromValues<std::int64_t>(operand.shape, operand.integers);
                continue;
            }
            const std::vector<T> values(m_values[i].begin(), m_values[i].end());
            inputs[this->operand(i)] = Tensor::fromValues<T>(operand.shape, values);
        }
        auto record = tape().forward(std::move(inputs), {}, {});
        EXPECT_TRUE(record) << record.error().text();
        return record ? std::move(*record) : TapeRecord{};
    }

    /// The loss Σ factor · y over all outputs, with factors that have no pattern.
    static double factor(std::size_t i) { return std::sin(1.0 + 1.7 * static_cast<double>(i)); }

    double loss() const {
        double sum = 0;
        std::size_t i = 0;
        const TapeRecord record = forward<double>();
        for (const ValueId output : tape().model().graph.node(0).outputs)
            for (const double y : record.values.at(output).values<double>())
                sum += factor(i++) * y;
        return sum;
    }

    double numericGradient(std::size_t operand, std::size_t element) {
        double &value = m_values[operand][element];
        const double kept = value;
        value = kept + kStep;
        const double above = loss();
        value = kept - kStep;
        const double below = loss();
        value = kept;
        return (above - below) / (2 * kStep);
    }

    GradientResult gradients(const RunContext &ctx = {}) const {
        const TapeRecord record = forward<float>();
        std::unordered_map<ValueId, Tensor> seeds;
        std::size_t i = 0;
        for (const ValueId output : tape().model().graph.node(0).outputs) {
            Tensor seed = Tensor::allocate(DType::Float32, record.values.at(output).shape());
            for (float &value : seed.mutableValues<float>())
                value = static_cast<float>(factor(i++));
            seeds[output] = std::move(seed);
        }
        GradientTargets targets;
        for (const std::size_t index : wanted())
            targets.slots.push_back({0, static_cast<int>(index)});
        auto result = tape().backward(record, seeds, targets, ctx);
        EXPECT_TRUE(result) << result.error().text();
        return result ? std::move(*result) : GradientResult{};
    }

private:
    const RuleCase &m_rule;
    std::vector<std::vector<double>> m_values;
    std::shared_ptr<const GradientTape> m_tape;
};

class GradientRuleTest : public testing::TestWithParam<RuleCase> {};

TEST_P(GradientRuleTest, AgreesWithCentralDifferences) {
    Problem problem(GetParam());
    const GradientResult result = problem.gradients();
    for (const std::size_t operand : problem.wanted()) {
        const Tensor &gradient = result.slots.at({0, static_cast<int>(operand)});
        ASSERT_EQ(gradient.shape(), GetParam().operands[operand].shape);
        std::vector<double> numeric;
        double largest = 0;
        for (std::size_t i = 0; i < static_cast<std::size_t>(gradient.numel()); ++i) {
            numeric.push_back(problem.numericGradient(operand, i));
            largest = std::max(largest, std::abs(numeric.back()));
        }
        ASSERT_GT(largest, 1e-3) << "the case tests nothing";
        for (std::size_t i = 0; i < numeric.size(); ++i)
            EXPECT_NEAR(gradient.values<float>()[i], numeric[i], kTolerance * largest)
                << "operand " << operand << " element " << i;
    }
}

TEST_P(GradientRuleTest, OneThreadGivesTheSameBits) {
    const Problem problem(GetParam());
    const GradientResult many = problem.gradients({{}, nullptr, 4}),
                         one = problem.gradients({{}, nullptr, 1});
    for (const auto &[slot, gradient] : many.slots)
        EXPECT_EQ(floatsOf(gradient), floatsOf(one.slots.at(slot)));
}

INSTANTIATE_TEST_SUITE_P(Operators, GradientRuleTest, testing::ValuesIn(ruleCases()),
                         [](const auto &chosen) { return chosen.param.name; });

TEST(GradientRule, EveryListedOperatorHasACase) {
    // These only move elements, by the same rule as Gather.
    std::set<std::string> tested{"Where", "GatherElements", "GatherND", "Cast"};
    for (const RuleCase &rule : ruleCases())
        tested.insert(rule.op);
    for (const RuleFamily family : {unaryRules(), binaryRules(), productRules(), convolutionRules(),
                                    normalizationRules(), reductionRules(), movementRules(), poolingRules()})
        for (const GradientRuleEntry &entry : family)
            EXPECT_TRUE(tested.contains(entry.opType)) << entry.opType;
}

} // namespace
} // namespace qs
