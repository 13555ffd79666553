#include "core/gradient/tape.h"
#include "tests/core/exec/small_model.h"

#include <gtest/gtest.h>

namespace qs {
namespace {

TEST(GradientTape, OperatorWithoutRuleIsNamed) {
    const auto model = SmallModel()
                           .input("x", DType::Float32, Shape{4})
                           .node("Mul", {"x", "x"}, {"a"})
                           .node("Atan", {"a"}, {"y"})
                           .build();
    const auto tape = *GradientTape::create(model);
    const ValueId x = model->graph.inputs()[0], y = model->graph.outputs()[0];
    const auto record = tape->forward({{x, floatTensor(Shape{4}, {1, 2, 3, 4})}}, {}, {});
    ASSERT_TRUE(record);
    const auto result = tape->backward(*record, {{y, floatTensor(Shape{4}, {1, 1, 1, 1})}}, {{x}, {}}, {});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::Unsupported);
    EXPECT_NE(result.error().text().find("Atan"), std::string::npos) << result.error().text();
}

TEST(GradientTape, AValueReadTwiceCollectsBothGradients) {
    const auto model = SmallModel()
                           .input("x", DType::Float32, Shape{2})
                           .node("Mul", {"x", "x"}, {"square"})
                           .node("Add", {"square", "x"}, {"y"})
                           .build();
    const auto tape = *GradientTape::create(model);
    const ValueId x = model->graph.inputs()[0], y = model->graph.outputs()[0];
    const auto record = tape->forward({{x, floatTensor(Shape{2}, {3, -1})}}, {}, {});
    const auto result = tape->backward(*record, {{y, floatTensor(Shape{2}, {1, 2})}}, {{x}, {}}, {});
    ASSERT_TRUE(result) << result.error().text();
    EXPECT_EQ(floatsOf(result->values.at(x)), (std::vector<float>{7, -2})); // 2x + 1, times the seed
}

TEST(GradientTape, IntegersGetNoGradientAndStopNothing) {
    const auto model = SmallModel()
                           .input("x", DType::Float32, Shape{2, 3})
                           .node("Shape", {"x"}, {"shape"})
                           .node("Exp", {"x"}, {"e"})
                           .node("Reshape", {"e", "shape"}, {"y"})
                           .build();
    const auto tape = *GradientTape::create(model);
    const ValueId x = model->graph.inputs()[0], y = model->graph.outputs()[0];
    const Tensor zeros = Tensor::zeros(DType::Float32, Shape{2, 3});
    const auto record = tape->forward({{x, zeros}}, {}, {});
    const auto result =
        tape->backward(*record, {{y, floatTensor(Shape{2, 3}, {1, 2, 3, 4, 5, 6})}}, {{x}, {}}, {});
    ASSERT_TRUE(result) << result.error().text();
    EXPECT_EQ(floatsOf(result->values.at(x)), (std::vector<float>{1, 2, 3, 4, 5, 6}));
}

TEST(GradientTape, ARangeKnowsWhatItReadsAndWhatIsReadOfIt) {
    const auto model = SmallModel()
                           .input("x", DType::Float32, Shape{2})
                           .floats("two", Shape{}, {2})
                           .node("Mul", {"x", "two"}, {"a"})
                           .node("Exp", {"a"}, {"b"})
                           .node("Neg", {"b"}, {"c"})
                           .node("Add", {"c", "a"}, {"y"})
                           .build();
    const auto tape = *GradientTape::create(model, {1, 3});
    const ModelGraph &graph = model->graph;
    EXPECT_EQ(tape->inputs(), std::vector<ValueId>{graph.findValue("a")});
    EXPECT_EQ(tape->outputs(), std::vector<ValueId>{graph.findValue("c")});
    EXPECT_FALSE(tape->forward({}, {}, {})) << "an input is missing";
}

TEST(GradientTape, SlotFunctionsChangeTheValueAndTheGradient) {
    const auto model = SmallModel()
                           .input("x", DType::Float32, Shape{2})
                           .floats("w", Shape{2}, {5, 7})
                           .node("Mul", {"x", "w"}, {"y"})
                           .build();
    const auto tape = *GradientTape::create(model);
    const ValueId x = model->graph.inputs()[0], y = model->graph.outputs()[0];
    TapeOptions options;
    options.weights[{0, 1}] = floatTensor(Shape{2}, {10, 20});
    options.activations[{0, 0}] = {
        [](const Tensor &) -> Result<Tensor> {
            return floatTensor(Shape{2}, {2, 3});
        },
        [](const Tensor &raw, const Tensor &gradient) -> Result<Tensor> {
            return floatTensor(Shape{2}, {raw.values<float>()[0] * gradient.values<float>()[0], 0});
        }};
    const auto record = tape->forward({{x, floatTensor(Shape{2}, {4, 6})}}, options, {});
    ASSERT_TRUE(record);
    EXPECT_EQ(floatsOf(record->values.at(y)), (std::vector<float>{20, 60}));
    const auto result =
        tape->backward(*record, {{y, floatTensor(Shape{2}, {1, 1})}}, {{x}, {{0, 0}, {0, 1}}}, {});
    ASSERT_TRUE(result) << result.error().text();
    EXPECT_EQ(floatsOf(result->slots.at({0, 0})), (std::vector<float>{10, 20}));
    EXPECT_EQ(floatsOf(result->slots.at({0, 1})), (std::vector<float>{2, 3})) << "what the slot read";
    EXPECT_EQ(floatsOf(result->values.at(x)), (std::vector<float>{40, 0}));
}

TEST(GradientTape, StopsWhenCancelled) {
    const auto model = SmallModel().input("x", DType::Float32, Shape{2}).node("Exp", {"x"}, {"y"}).build();
    const auto tape = *GradientTape::create(model);
    std::stop_source source;
    source.request_stop();
    const auto record =
        tape->forward({{model->graph.inputs()[0], floatTensor(Shape{2}, {1, 2})}}, {}, {source.get_token()});
    ASSERT_FALSE(record);
    EXPECT_EQ(record.error().code, ErrorCode::Cancelled);
}

} // namespace
} // namespace qs
