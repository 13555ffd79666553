#include "tests/core/exec/one_operator.h"

#include <numeric>

namespace qs {
namespace {

using Ints = std::vector<std::int64_t>;
using Floats = std::vector<float>;

const Tensor kThree = tensorOf<float>({3}, {1, 2, 3});

Outputs pad(const char *mode, const Ints &pads, std::int64_t opset = 19, const Tensor &x = kThree) {
    return OneOperator{"Pad", opset, {{"mode", std::string(mode)}}}.run({x, intList(pads)});
}

TEST(Cast, KeepsTheLowestBitsOfIntegersInPackedTypes) {
    const auto to = [](DType type, const Tensor &x) {
        return OneOperator{"Cast", 21, {{"to", static_cast<std::int64_t>(type)}}}.run({x});
    };
    const Tensor x = tensorOf<std::int32_t>({3}, {-1, 7, 18});
    const auto packed = to(DType::Int4, x);
    ASSERT_TRUE(packed) << packed.error().text();
    EXPECT_EQ(packed->front().dtype(), DType::Int4);
    EXPECT_EQ(outputOf<std::int32_t>(to(DType::Int32, packed->front())),
              (std::vector<std::int32_t>{-1, 7, 2}));
    EXPECT_EQ(errorOf(to(DType::UInt4, kThree)), ErrorCode::Unsupported) << "rounding is not agreed on";
    EXPECT_EQ(errorOf(to(DType::String, x)), ErrorCode::Unsupported);
}

TEST(Movement, TakesElementsThatShareBytes) {
    const auto codes = [](DType type, Shape shape, std::vector<std::int32_t> values) {
        return OneOperator{"Cast", 25, {{"to", static_cast<std::int64_t>(type)}}}
            .run({tensorOf(std::move(shape), values)})
            ->front();
    };
    const auto wide = [](const Outputs &outputs) {
        return outputOf<std::int32_t>(
            OneOperator{"Cast", 25, {{"to", std::int64_t{6}}}}.run({outputs->front()}));
    };
    using Codes = std::vector<std::int32_t>;
    const Tensor two = codes(DType::Int2, {2, 3}, {-2, 1, 0, -1, 1, -2});
    EXPECT_EQ(wide(OneOperator{"Transpose", 25}.run({two})), (Codes{-2, -1, 1, 1, 0, -2}));
    EXPECT_EQ(wide(OneOperator{"Gather", 25, {{"axis", std::int64_t{1}}}}.run({two, intList({2, 0, 0})})),
              (Codes{0, -2, -2, -2, -1, -1}));
    const Tensor fill = codes(DType::Int2, {}, {1});
    EXPECT_EQ(wide(OneOperator{"Pad", 25}.run({two, intList({0, 1, 0, 0}), fill})),
              (Codes{1, -2, 1, 0, 1, -1, 1, -2}));
    const Tensor four = codes(DType::UInt4, {3}, {15, 3, 9});
    EXPECT_EQ(wide(OneOperator{"Slice", 25}.run({four, intList({1}), intList({3})})), (Codes{3, 9}));
}

// Issue 5: Caffe2 and MXNet write a mask that nobody reads.
TEST(Dropout, PassesItsInputAndAMaskOfOnes) {
    const OneOperator old{"Dropout", 7, {{"ratio", 0.3}}, 2};
    EXPECT_EQ(outputOf<float>(old.run({kThree})), (Floats{1, 2, 3}));
    EXPECT_EQ(outputOf<float>(old.run({kThree}), 1), (Floats{1, 1, 1}));
    const auto masked = OneOperator{"Dropout", 13, {}, 2}.run({kThree});
    EXPECT_EQ(masked->at(1).dtype(), DType::Bool);
}

TEST(ConstantFill, FillsTheShapeOfAttributeInputOrItsContent) {
    const auto run = [](std::map<std::string, Attribute> attributes, std::vector<Tensor> inputs) {
        return OneOperator{"ConstantFill", 7, std::move(attributes)}.run(std::move(inputs));
    };
    const auto one = std::int64_t{1};
    EXPECT_EQ(outputOf<float>(run({{"shape", Ints{2}}, {"value", 0.5}}, {})), (Floats{0.5, 0.5}));
    const auto like = run({{"extra_shape", Ints{2}}, {"dtype", std::int64_t{7}}, {"value", 3.0}}, {kThree});
    EXPECT_EQ(like->front().shape(), (Shape{3, 2}));
    EXPECT_EQ(outputOf<std::int64_t>(like)[5], 3);
    const auto content = run({{"input_as_shape", one}}, {intList({1, 2})});
    EXPECT_EQ(content->front().shape(), (Shape{1, 2}));
    EXPECT_EQ(outputOf<float>(content), (Floats{0, 0}));
    EXPECT_FALSE(run({{"input_as_shape", one}}, {intList({-1})}));
}

TEST(ReduceMax, IsOrOfBools) {
    const Tensor x =
        Tensor::wrap(DType::Bool, {2, 2}, tensorOf<std::uint8_t>({2, 2}, {0, 1, 0, 0}).storage());
    const auto run = [&](const char *type, std::int64_t opset) {
        return OneOperator{type, opset, {{"keepdims", std::int64_t{0}}}}.run({x, intList({1})});
    };
    EXPECT_EQ(outputOf<std::uint8_t>(run("ReduceMax", 20)), (std::vector<std::uint8_t>{1, 0}));
    EXPECT_EQ(outputOf<std::uint8_t>(run("ReduceMin", 20)), (std::vector<std::uint8_t>{0, 0}));
    EXPECT_EQ(run("ReduceMax", 20)->front().dtype(), DType::Bool);
    EXPECT_EQ(errorOf(run("ReduceMax", 18)), ErrorCode::Unsupported);
}

TEST(Pad, RepeatsInEveryMode) {
    EXPECT_EQ(outputOf<float>(pad("constant", {1, 2})), (Floats{0, 1, 2, 3, 0, 0}));
    EXPECT_EQ(outputOf<float>(pad("edge", {2, 1})), (Floats{1, 1, 1, 2, 3, 3}));
    EXPECT_EQ(outputOf<float>(pad("reflect", {2, 5})), (Floats{3, 2, 1, 2, 3, 2, 1, 2, 3, 2}));
    EXPECT_EQ(outputOf<float>(pad("wrap", {4, 2})), (Floats{3, 1, 2, 3, 1, 2, 3, 1, 2}));
    EXPECT_EQ(outputOf<float>(pad("constant", {-1, 1})), (Floats{2, 3, 0}));
    EXPECT_EQ(outputOf<float>(pad("edge", {-1, 1})), (Floats{2, 3, 3}));
}

TEST(Pad, TakesNamedAxesAndAConstant) {
    const Tensor x = tensorOf<std::int32_t>({1, 2}, {5, 6});
    const auto padded =
        OneOperator{"Pad", 18}.run({x, intList({1, 0}), Tensor::scalar(std::int32_t{-7}), intList({-1})});
    EXPECT_EQ(outputOf<std::int32_t>(padded), (std::vector<std::int32_t>{-7, 5, 6}));
    const auto old = OneOperator{"Pad", 2, {{"pads", Ints{0, 1, 1, 0}}, {"value", 2.0}}}.run({x});
    EXPECT_EQ(outputOf<std::int32_t>(old), (std::vector<std::int32_t>{2, 5, 6, 2, 2, 2}));
}

TEST(Pad, RefusesWhatHasNoMeaning) {
    EXPECT_EQ(errorOf(pad("wrap", {1, 1}, 18)), ErrorCode::Unsupported) << "came with opset 19";
    EXPECT_EQ(errorOf(pad("mirror", {1, 1})), ErrorCode::Unsupported);
    EXPECT_EQ(errorOf(pad("reflect", {-1, 1})), ErrorCode::Unsupported);
    EXPECT_EQ(errorOf(pad("constant", {-2, -2})), ErrorCode::InvalidArgument);
    EXPECT_EQ(errorOf(pad("constant", {-4, 4})), ErrorCode::InvalidArgument);
    EXPECT_EQ(errorOf(pad("constant", {1})), ErrorCode::InvalidArgument);
    EXPECT_EQ(errorOf(pad("constant", {INT64_MAX, INT64_MAX})), ErrorCode::InvalidArgument);
    EXPECT_EQ(errorOf(pad("constant", {std::int64_t{1} << 60, 0})), ErrorCode::OutOfMemory);
    EXPECT_EQ(errorOf(pad("edge", {1, 1}, 19, Tensor::zeros(DType::Float32, {0}))),
              ErrorCode::InvalidArgument);
}

/// [1, 8, 1, 1] of 0..7.
Tensor eightChannels() {
    Floats values(8);
    std::iota(values.begin(), values.end(), 0.0f);
    return tensorOf<float>({1, 8, 1, 1}, values);
}

TEST(DepthToSpace, OrdersBlocksByMode) {
    const auto run = [](const char *mode) {
        return OneOperator{"DepthToSpace", 13, {{"blocksize", std::int64_t{2}}, {"mode", std::string(mode)}}}
            .run({eightChannels()});
    };
    EXPECT_EQ(outputOf<float>(run("DCR")), (Floats{0, 2, 4, 6, 1, 3, 5, 7}));
    EXPECT_EQ(outputOf<float>(run("CRD")), (Floats{0, 1, 2, 3, 4, 5, 6, 7}));
    EXPECT_EQ(run("DCR")->front().shape(), (Shape{1, 2, 2, 2}));
    EXPECT_EQ(errorOf(run("RCD")), ErrorCode::Unsupported);
}

TEST(SpaceToDepth, IsTheInverseOfDepthFirst) {
    const OneOperator forth{"DepthToSpace", 13, {{"blocksize", std::int64_t{2}}}};
    const OneOperator back{"SpaceToDepth", 13, {{"blocksize", std::int64_t{2}}}};
    const Tensor x = eightChannels();
    EXPECT_EQ(outputOf<float>(back.run({forth.run({x})->front()})), valuesOf<float>(x));
    for (const std::int64_t block : {std::int64_t{0}, std::int64_t{-2}, std::int64_t{1} << 40})
        EXPECT_EQ(errorOf(OneOperator{"SpaceToDepth", 13, {{"blocksize", block}}}.run({x})),
                  ErrorCode::Unsupported);
    EXPECT_EQ(errorOf(back.run({x})), ErrorCode::InvalidArgument)
        << "one row cannot be cut into blocks of two";
}

TEST(Trilu, ClampsAnyDiagonal) {
    const Tensor x = tensorOf<float>({2, 3}, {1, 2, 3, 4, 5, 6});
    const auto run = [&](std::int64_t upper, std::int64_t k) {
        return OneOperator{"Trilu", 14, {{"upper", upper}}}.run({x, Tensor::scalar(k)});
    };
    EXPECT_EQ(outputOf<float>(run(1, 1)), (Floats{0, 2, 3, 0, 0, 6}));
    EXPECT_EQ(outputOf<float>(run(0, 0)), (Floats{1, 0, 0, 4, 5, 0}));
    EXPECT_EQ(outputOf<float>(run(1, INT64_MIN)), valuesOf<float>(x));
    EXPECT_EQ(outputOf<float>(run(1, INT64_MAX)), Floats(6, 0));
    EXPECT_EQ(outputOf<float>(run(0, INT64_MAX)), valuesOf<float>(x));
    EXPECT_EQ(outputOf<float>(run(0, INT64_MIN)), Floats(6, 0));
    EXPECT_EQ(errorOf(OneOperator{"Trilu", 14}.run({kThree})), ErrorCode::InvalidArgument);
}

TEST(ReverseSequence, RefusesLengthsBeyondTheSequence) {
    const Tensor x = tensorOf<float>({3, 1}, {1, 2, 3});
    EXPECT_EQ(outputOf<float>(OneOperator{"ReverseSequence", 10}.run({x, intList({2})})), (Floats{2, 1, 3}));
    EXPECT_EQ(errorOf(OneOperator{"ReverseSequence", 10}.run({x, intList({4})})), ErrorCode::InvalidArgument);
    EXPECT_EQ(errorOf(OneOperator{"ReverseSequence", 10}.run({x, intList({1, 1})})),
              ErrorCode::InvalidArgument);
    EXPECT_EQ(
        errorOf(OneOperator{"ReverseSequence", 10, {{"time_axis", std::int64_t{1}}}}.run({x, intList({1})})),
        ErrorCode::Unsupported);
}

} // namespace
} // namespace qs
