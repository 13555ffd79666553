#include "core/exec/depthwise_convolution.h"

#include "tests/core/exec/small_model.h"
#include "tests/support/instruction_sets.h"
#include "tests/support/lcg.h"

#include <cmath>

namespace qs {
namespace {

class Depthwise : public test::EveryInstructionSet {};
INSTANTIATE_TEST_SUITE_P(Targets, Depthwise, testing::ValuesIn(test::instructionSets()),
                         test::instructionSetName);

struct Form {
    std::int64_t height, width, stride;
    std::vector<std::int64_t> pads{1, 1, 1, 1}; ///< top, left, bottom, right
    std::int64_t perGroup = 1;
};

/// Rows shorter than a vector, as long, longer, and of several vectors that overlap; planes of one row.
std::vector<Form> forms() {
    std::vector<Form> all;
    for (const std::int64_t width : {4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 40, 70})
        for (const std::int64_t stride : {1, 2})
            all.push_back({6, width, stride});
    for (const std::int64_t height : {1, 2, 3})
        for (const std::int64_t stride : {1, 2})
            all.push_back({height, 18, stride});
    for (const std::int64_t stride : {1, 2}) {
        all.push_back({7, 20, stride, {0, 0, 0, 0}});
        all.push_back({7, 20, stride, {0, 1, 1, 0}});
        all.push_back({7, 20, stride, {1, 0, 0, 1}});
        all.push_back({7, 20, stride, {1, 1, 1, 1}, 3});
        all.push_back({7, 20, stride, {2, 2, 2, 2}});
    }
    return all;
}

constexpr std::int64_t kChannels = 3;

Tensor normals(Shape shape, std::uint32_t seed) {
    const auto count = static_cast<std::size_t>(shape.numel());
    return floatTensor(std::move(shape), test::toFloats(test::lcgNormals(count, seed)));
}

std::shared_ptr<const Model> modelOf(const Form &form, const Tensor &weights) {
    SmallModel model;
    model.input("x", DType::Float32, {2, kChannels, form.height, form.width})
        .constant("w", weights)
        .constant("b", normals({weights.shape()[0]}, 7))
        .floats("low", {}, {-0.5f})
        .floats("high", {}, {1.5f})
        .node("Conv", {"x", "w", "b"}, {"sum"},
              {{"group", kChannels},
               {"strides", std::vector<std::int64_t>{form.stride, form.stride}},
               {"pads", form.pads}})
        .node("Clip", {"sum", "low", "high"}, {"y"});
    return model.build();
}

std::vector<float> resultOf(const std::shared_ptr<const Model> &model, const Tensor &x, bool fast) {
    return floatsOf(runOne(**Executor::create(model, {.useOneDnn = fast}), {x}));
}

TEST_P(Depthwise, EqualsTheReference) {
    for (const Form &form : forms()) {
        const auto model = modelOf(form, normals({kChannels * form.perGroup, 1, 3, 3}, 5));
        const Tensor x = normals({2, kChannels, form.height, form.width}, 3);
        EXPECT_THAT(resultOf(model, x, true),
                    testing::Pointwise(testing::FloatNear(1e-5f), resultOf(model, x, false)))
            << form.height << " x " << form.width << ", stride " << form.stride;
    }
}

/// The tests above run the general kernel where this one does not take part.
TEST_P(Depthwise, VectorsWithMasksTakePart) {
    ConvolutionPlan plan;
    plan.window.src = plan.window.dst = {1, 8, 8};
    plan.window.kernel = {1, 3, 3};
    plan.window.padBegin = plan.window.padEnd = {0, 1, 1};
    const bool hasMasks = (GetParam() & (HWY_AVX2 | HWY_AVX3 | HWY_AVX3_DL)) != 0;
    EXPECT_EQ(takesDepthwise3x3(plan), hasMasks);
}

/// Rows and planes follow each other in memory: none may reach into the next.
TEST_P(Depthwise, KeepsToItsPlaneAndItsRow) {
    for (const Form &form : forms()) {
        Tensor x = normals({2, kChannels, form.height, form.width}, 3);
        const auto plane = static_cast<std::size_t>(form.height * form.width);
        for (std::size_t i = 0; i < plane; ++i)
            x.mutableValues<float>()[plane + i] = std::nanf("");
        x.mutableValues<float>()[3 * plane] = INFINITY;
        const auto model = modelOf(form, normals({kChannels * form.perGroup, 1, 3, 3}, 5));
        const std::vector<float> found = resultOf(model, x, true), expected = resultOf(model, x, false);
        for (std::size_t i = 0; i < expected.size(); ++i) {
            if (std::isnan(expected[i]))
                EXPECT_TRUE(std::isnan(found[i])) << i;
            else
                EXPECT_NEAR(found[i], expected[i], 1e-5) << i;
        }
    }
}

} // namespace
} // namespace qs
