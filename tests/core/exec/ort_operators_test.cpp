#include "core/exec/executor.h"
#include "core/exec/shape_trace.h"
#include "tests/core/exec/golden_operators.h"

#include <cmath>
#include <fmt/format.h>

namespace qs {
namespace {

std::string difference(const Tensor &found, const Tensor &expected) {
    if (found.dtype() != expected.dtype() || found.shape() != expected.shape())
        return fmt::format("is {} {}, expected {} {}", dtypeName(found.dtype()), found.shape().text(),
                           dtypeName(expected.dtype()), expected.shape().text());
    const Tensor f = *castTensor(found, DType::Float64), e = *castTensor(expected, DType::Float64);
    double largest = 0;
    for (const double x : e.values<double>())
        largest = std::max(largest, std::fabs(x));
    const double tolerance = isFloatingPoint(found.dtype()) ? 2e-5 * largest : 0;
    for (std::size_t i = 0; i < e.values<double>().size(); ++i)
        if (!(std::fabs(f.values<double>()[i] - e.values<double>()[i]) <= tolerance))
            return fmt::format("element {} is {}, expected {}", i, f.values<double>()[i],
                               e.values<double>()[i]);
    return "";
}

void expectGolden(const GoldenOperator &golden, const Outputs &outputs) {
    EXPECT_TRUE(outputs) << golden.name << ": " << outputs.error().text();
    for (std::size_t i = 0; outputs && i < golden.expected.size(); ++i)
        EXPECT_EQ(difference((*outputs)[i], golden.expected[i]), "") << golden.name << ", output " << i;
}

TEST(Operators, AgreeWithOnnxRuntime) {
    for (const GoldenOperator &golden : goldenOperators())
        expectGolden(golden, golden.op.run(golden.inputs));
}

TEST(Operators, AgreeWithOnnxRuntimeInTheExecutor) {
    for (const GoldenOperator &golden : goldenOperators()) {
        auto graph = graphOf(golden.op, golden.inputs, false);
        ASSERT_TRUE(graph) << graph.error().text();
        auto model = std::make_shared<Model>();
        model->graph = std::move(*graph);
        const auto executor = Executor::create(model); // oneDNN where it has the operator
        ASSERT_TRUE(executor) << executor.error().text();
        expectGolden(golden, (*executor)->run({golden.inputs[0]}, {}, {}));
    }
}

/// Their shapes depend on the first operand's values.
bool sizeIsFirst(const std::string &type) {
    return type.ends_with("Window") || type == "MelWeightMatrix";
}

TEST(ShapeRules, GiveTheShapesThatOnnxRuntimeGives) {
    for (const GoldenOperator &golden : goldenOperators()) {
        const bool allConstant = sizeIsFirst(golden.op.type);
        const auto graph = graphOf(golden.op, golden.inputs, allConstant);
        ASSERT_TRUE(graph) << graph.error().text();
        const auto trace = traceShapes(
            *graph, allConstant ? std::vector<Shape>{} : std::vector<Shape>{golden.inputs[0].shape()}, {});
        EXPECT_TRUE(trace) << golden.name << ": " << trace.error().text();
        if (!trace)
            continue;
        for (const TraceGap &gap : trace->gaps)
            ADD_FAILURE() << golden.name << ": " << gap.reason;
        for (std::size_t i = 0; i < golden.expected.size(); ++i) {
            const TracedValue &found = (*trace)[graph->node(0).outputs[i]];
            EXPECT_EQ(found.shape, golden.expected[i].shape()) << golden.name;
            EXPECT_EQ(found.dtype, golden.expected[i].dtype()) << golden.name;
        }
    }
}

} // namespace
} // namespace qs
