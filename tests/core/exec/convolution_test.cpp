#include "tests/core/exec/small_model.h"
#include "tests/support/lcg.h"

namespace qs {
namespace {

struct Form {
    std::int64_t channels, outputs, edge, kernel;
    std::int64_t stride = 1, group = 1;
};

Tensor normals(Shape shape, std::uint32_t seed) {
    const auto count = static_cast<std::size_t>(shape.numel());
    return floatTensor(std::move(shape), test::toFloats(test::lcgNormals(count, seed)));
}

/// Channels that are no multiple of what the kernels handle at a time, planes smaller than a vector and
/// larger than a stretch, columns too deep for the loop that reads them in place.
constexpr Form kForms[] = {{3, 16, 32, 3},      {16, 13, 32, 1},    {24, 7, 17, 1},       {5, 6, 4, 1},
                           {9, 5, 3, 1},        {50, 9, 6, 3},      {8, 11, 23, 5, 2},    {12, 8, 9, 3, 1, 2},
                           {5, 5, 16, 3, 1, 5}, {5, 5, 8, 3, 2, 5}, {5, 10, 13, 3, 2, 5}, {6, 6, 7, 3, 3, 6},
                           {4, 4, 11, 5, 1, 4}, {4, 4, 4, 3, 1, 4}};

TEST(Convolution, EqualsTheReferenceOnAnyNumberOfThreads) {
    for (const Form &form : kForms) {
        SmallModel model;
        model.input("x", DType::Float32, {3, form.channels, form.edge, form.edge})
            .constant("w", normals({form.outputs, form.channels / form.group, form.kernel, form.kernel}, 5))
            .constant("b", normals({form.outputs}, 7))
            .node("Conv", {"x", "w", "b"}, {"y"},
                  {{"group", form.group},
                   {"strides", std::vector<std::int64_t>{form.stride, form.stride}},
                   {"pads", std::vector<std::int64_t>(4, form.kernel / 2)}});
        const auto built = model.build();
        const Tensor x = normals({3, form.channels, form.edge, form.edge}, 3);
        const auto fast = *Executor::create(built),
                   reference = *Executor::create(built, {.useOneDnn = false});
        const auto one = fast->run({x}, {}, RunContext{{}, nullptr, 1}),
                   three = fast->run({x}, {}, RunContext{{}, nullptr, 3});
        ASSERT_TRUE(one && three);
        EXPECT_EQ(floatsOf(one->front()), floatsOf(three->front()));
        EXPECT_THAT(floatsOf(one->front()),
                    testing::Pointwise(testing::FloatNear(2e-4f), floatsOf(runOne(*reference, {x}))))
            << form.channels << " channels, kernel " << form.kernel;
    }
}

} // namespace
} // namespace qs
