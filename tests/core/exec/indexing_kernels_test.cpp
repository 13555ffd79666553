#include "tests/core/exec/one_operator.h"

namespace qs {
namespace {

using testing::ElementsAre;
using Ints = std::vector<std::int64_t>;
using Floats = std::vector<float>;

const Tensor kFive = tensorOf<float>({5}, {1, 2, 3, 4, 5});

TEST(ScatterElements, ReducesEveryUpdateOfAnElement) {
    const Tensor indices = intList({1, 1, -1}), updates = tensorOf<float>({3}, {10, -20, 0.5f});
    const auto run = [&](const char *reduction, std::int64_t opset) {
        return OneOperator{"ScatterElements", opset, {{"reduction", std::string(reduction)}}}.run(
            {kFive, indices, updates});
    };
    EXPECT_EQ(outputOf<float>(run("none", 18)), (Floats{1, -20, 3, 4, 0.5f}));
    EXPECT_EQ(outputOf<float>(run("add", 18)), (Floats{1, -8, 3, 4, 5.5f}));
    EXPECT_EQ(outputOf<float>(run("mul", 18)), (Floats{1, -400, 3, 4, 2.5f}));
    EXPECT_EQ(outputOf<float>(run("max", 18)), (Floats{1, 10, 3, 4, 5}));
    EXPECT_EQ(outputOf<float>(run("min", 18)), (Floats{1, -20, 3, 4, 0.5f}));
    EXPECT_EQ(errorOf(run("max", 16)), ErrorCode::Unsupported) << "came with opset 18";
    EXPECT_EQ(errorOf(run("average", 18)), ErrorCode::Unsupported);
}

TEST(ScatterNd, ReducesSlicesOfIntegers) {
    const Tensor data = tensorOf<std::int64_t>({3, 2}, {1, 2, 3, 4, 5, 6});
    const Tensor indices = tensorOf<std::int64_t>({2, 1}, {2, 0});
    const Tensor updates = tensorOf<std::int64_t>({2, 2}, {9, 0, -1, 7});
    const auto run = [&](const char *reduction) {
        return OneOperator{"ScatterND", 18, {{"reduction", std::string(reduction)}}}.run(
            {data, indices, updates});
    };
    EXPECT_EQ(outputOf<std::int64_t>(run("max")), (Ints{1, 7, 3, 4, 9, 6}));
    EXPECT_EQ(outputOf<std::int64_t>(run("min")), (Ints{-1, 2, 3, 4, 5, 0}));
    EXPECT_EQ(outputOf<std::int64_t>(run("add")), (Ints{0, 9, 3, 4, 14, 6}));
    EXPECT_EQ(errorOf(OneOperator{"ScatterND", 18}.run({data, intList({3}), updates})),
              ErrorCode::InvalidArgument);
}

TEST(TopK, OrdersTiesByIndexAndNanAsGreatest) {
    const float nan = std::nanf("");
    const Tensor x = tensorOf<float>({2, 4}, {3, 1, 3, 2, nan, 0, -1, 7});
    const auto top = OneOperator{"TopK", 11, {}, 2}.run({x, intList({2})});
    EXPECT_EQ(outputOf<std::int64_t>(top, 1), (Ints{0, 2, 0, 3}));
    const auto low =
        OneOperator{"TopK", 11, {{"largest", std::int64_t{0}}, {"axis", std::int64_t{0}}}, 2}.run(
            {x, intList({1})});
    EXPECT_EQ(outputOf<float>(low), (Floats{3, 0, -1, 2}));
    EXPECT_EQ(outputOf<std::int64_t>(low, 1), (Ints{0, 1, 1, 0}));
    const auto old = OneOperator{"TopK", 9, {{"k", std::int64_t{1}}}, 2}.run({x});
    EXPECT_EQ(outputOf<std::int64_t>(old, 1), (Ints{0, 0}));
}

TEST(TopK, RefusesCountsThatTheAxisDoesNotHave) {
    for (const std::int64_t k : {std::int64_t{6}, std::int64_t{-1}, std::int64_t{1} << 62})
        EXPECT_EQ(errorOf(OneOperator{"TopK", 11, {}, 2}.run({kFive, intList({k})})),
                  ErrorCode::InvalidArgument);
    EXPECT_EQ(errorOf(OneOperator{"TopK", 11, {}, 2}.run({Tensor::scalar(1.0f), intList({1})})),
              ErrorCode::InvalidArgument);
    EXPECT_EQ(outputOf<float>(OneOperator{"TopK", 11, {}, 2}.run({kFive, intList({0})})), Floats{});
}

TEST(Unique, KeepsTheOrderOfAppearanceWhenNotSorted) {
    const Tensor x = tensorOf<float>({6}, {2, 1, 1, 3, 4, 3});
    const auto found = OneOperator{"Unique", 11, {{"sorted", std::int64_t{0}}}, 4}.run({x});
    EXPECT_EQ(outputOf<float>(found, 0), (Floats{2, 1, 3, 4}));
    EXPECT_EQ(outputOf<std::int64_t>(found, 1), (Ints{0, 1, 3, 4}));
    EXPECT_EQ(outputOf<std::int64_t>(found, 2), (Ints{0, 1, 1, 2, 3, 2}));
    EXPECT_EQ(outputOf<std::int64_t>(found, 3), (Ints{1, 2, 2, 1}));
    const auto sorted = OneOperator{"Unique", 11, {}, 4}.run({x});
    EXPECT_EQ(outputOf<float>(sorted, 0), (Floats{1, 2, 3, 4}));
    EXPECT_EQ(outputOf<std::int64_t>(sorted, 2), (Ints{1, 0, 0, 2, 3, 2}));
    EXPECT_EQ(outputOf<float>(OneOperator{"Unique", 11, {}, 4}.run({tensorOf<float>({0}, {})})), Floats{});
}

TEST(NonZero, GivesCoordinatesByAxis) {
    const Tensor y = tensorOf<std::int32_t>({2, 2}, {0, 5, -1, 0});
    const auto found = OneOperator{"NonZero", 13}.run({y});
    EXPECT_EQ(outputOf<std::int64_t>(found), (Ints{0, 1, 1, 0}));
    EXPECT_EQ(found->front().shape(), (Shape{2, 2}));
    const auto scalar = OneOperator{"NonZero", 13}.run({Tensor::scalar(3.0f)});
    ASSERT_TRUE(scalar);
    EXPECT_EQ(scalar->front().shape(), (Shape{0, 1}));
}

TEST(Compress, RefusesConditionBeyondTheAxis) {
    Tensor condition = Tensor::zeros(DType::Bool, Shape{7});
    condition.mutableBytes()[6] = std::byte{1};
    EXPECT_EQ(errorOf(OneOperator{"Compress", 11}.run({kFive, condition})), ErrorCode::InvalidArgument);
    condition.mutableBytes()[6] = std::byte{0};
    condition.mutableBytes()[3] = std::byte{1};
    EXPECT_EQ(outputOf<float>(OneOperator{"Compress", 11}.run({kFive, condition})), Floats{4});
}

TEST(NonMaxSuppression, RefusesOperandsThatDoNotFit) {
    const Tensor boxes = Tensor::zeros(DType::Float32, {1, 3, 4});
    const auto run = [&](const Shape &scores, float limit) {
        return OneOperator{"NonMaxSuppression", 11}.run({boxes, Tensor::zeros(DType::Float32, scores),
                                                         Tensor::scalar(std::int64_t{1} << 60),
                                                         Tensor::scalar(limit)});
    };
    EXPECT_EQ(errorOf(run({1, 1, 4}, 0.5f)), ErrorCode::InvalidArgument);
    EXPECT_EQ(errorOf(run({1, 1, 3}, 1.5f)), ErrorCode::InvalidArgument);
    // Empty boxes overlap nothing, so all three stay.
    EXPECT_EQ(outputOf<std::int64_t>(run(Shape{1, 1, 3}, 0.5f)), (Ints{0, 0, 0, 0, 0, 1, 0, 0, 2}));
}

TEST(OneHot, NegativeDepthAndHugeDepthAreRefused) {
    const Tensor indices = intList({0, -1, 7}), values = tensorOf<float>({2}, {-1, 4});
    const auto run = [&](std::int64_t depth, std::int64_t opset, std::size_t limit = 0) {
        return OneOperator{"OneHot", opset}.run({indices, Tensor::scalar(depth), values}, limit);
    };
    EXPECT_EQ(outputOf<float>(run(2, 11)), (Floats{4, -1, -1, 4, -1, -1}));
    EXPECT_EQ(outputOf<float>(run(2, 9)), (Floats{4, -1, -1, -1, -1, -1}))
        << "negative is off until opset 10";
    EXPECT_EQ(errorOf(run(-3, 11)), ErrorCode::InvalidArgument);
    EXPECT_EQ(errorOf(run(std::int64_t{1} << 61, 11)), ErrorCode::OutOfMemory);
    EXPECT_EQ(errorOf(run(1000, 11, 4096)), ErrorCode::OutOfMemory);
}

TEST(EyeLike, ShiftsTheDiagonalAndTakesAType) {
    const Tensor like = Tensor::zeros(DType::Int32, {2, 3});
    EXPECT_EQ(outputOf<std::int32_t>(OneOperator{"EyeLike", 9, {{"k", std::int64_t{1}}}}.run({like})),
              (std::vector<std::int32_t>{0, 1, 0, 0, 0, 1}));
    const auto bools =
        OneOperator{"EyeLike", 9, {{"k", std::int64_t{-1}}, {"dtype", std::int64_t{9}}}}.run({like});
    ASSERT_TRUE(bools);
    EXPECT_EQ(bools->front().dtype(), DType::Bool);
    EXPECT_EQ(outputOf<std::uint8_t>(bools), (std::vector<std::uint8_t>{0, 0, 0, 1, 0, 0}));
    EXPECT_EQ(outputOf<std::int32_t>(OneOperator{"EyeLike", 9, {{"k", INT64_MIN}}}.run({like})),
              std::vector<std::int32_t>(6, 0));
    EXPECT_EQ(errorOf(OneOperator{"EyeLike", 9}.run({kFive})), ErrorCode::InvalidArgument);
}

} // namespace
} // namespace qs
