#include "tests/core/exec/one_operator.h"

namespace qs {
namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::Pointwise;
using Floats = std::vector<float>;
using Ints = std::vector<std::int64_t>;

const std::string kMicrosoft = "com.microsoft";

OneOperator contrib(const std::string &type, std::map<std::string, Attribute> attributes = {},
                    int outputs = 1) {
    return {type, 1, std::move(attributes), outputs, kMicrosoft};
}

Tensor zeros(Shape shape) {
    return Tensor::zeros(DType::Float32, std::move(shape));
}

TEST(Swish, ScalesInsideTheSigmoid) {
    const auto y = OneOperator{"Swish", 24, {{"alpha", 2.0}}}.run({tensorOf<float>({2}, {0, 1})});
    EXPECT_THAT(outputOf<float>(y), ElementsAre(0, FloatNear(0.880797f, 1e-6f))); // 1 / (1 + e⁻²)
    EXPECT_EQ(errorOf(OneOperator{"Swish", 23}.run({zeros({1})})), ErrorCode::Unsupported);
}

TEST(Mish, DoesNotOverflow) {
    const auto y = OneOperator{"Mish", 18}.run({tensorOf<float>({3}, {1, 500, -500})});
    EXPECT_THAT(outputOf<float>(y), ElementsAre(FloatNear(0.865098f, 1e-6f), 500, FloatNear(0, 1e-30f)));
}

TEST(RmsNormalization, DividesByTheRootMeanSquare) {
    const auto y = OneOperator{"RMSNormalization", 23, {{"epsilon", 0.0}}}.run(
        {tensorOf<float>({1, 2}, {3, 4}), tensorOf<float>({2}, {1, 10})});
    const float rms = std::sqrt(12.5f);
    EXPECT_THAT(outputOf<float>(y), ElementsAre(FloatNear(3 / rms, 1e-6f), FloatNear(40 / rms, 1e-5f)));
    EXPECT_EQ(errorOf(OneOperator{"RMSNormalization", 23}.run({zeros({1, 2}), zeros({3})})),
              ErrorCode::InvalidArgument);
}

TEST(GroupNormalization, HasParametersPerGroupUntilOpset20) {
    const Tensor x = tensorOf<float>({1, 4, 1}, {0, 2, 10, 14});
    const auto run = [&](std::int64_t opset, const Floats &scale, const Floats &bias) {
        const Shape shape{static_cast<std::int64_t>(scale.size())};
        return OneOperator{"GroupNormalization", opset, {{"num_groups", std::int64_t{2}}, {"epsilon", 0.0}}}
            .run({x, tensorOf(shape, scale), tensorOf(shape, bias)});
    };
    EXPECT_EQ(outputOf<float>(run(18, {1, 2}, {0, 5})), (Floats{-1, 1, 3, 7}));
    EXPECT_EQ(outputOf<float>(run(21, {1, 2, 3, 4}, {0, 0, 0, 1})), (Floats{-1, 2, -3, 5}));
    EXPECT_EQ(errorOf(run(21, {1, 2}, {0, 5})), ErrorCode::InvalidArgument);
    EXPECT_EQ(errorOf(OneOperator{"GroupNormalization", 21, {{"num_groups", std::int64_t{3}}}}.run(
                  {x, zeros({4}), zeros({4})})),
              ErrorCode::InvalidArgument);
}

TEST(Attention, WithEqualKeysIsTheMeanOfTheVisibleValues) {
    const Tensor q = zeros({1, 1, 3, 2}), v = tensorOf<float>({1, 1, 3, 1}, {3, 6, 12});
    const auto y =
        OneOperator{"Attention", 23, {{"is_causal", std::int64_t{1}}}}.run({q, zeros({1, 1, 3, 2}), v});
    EXPECT_THAT(outputOf<float>(y), Pointwise(FloatNear(1e-5f), Floats{3, 4.5f, 7}));
    Tensor mask = Tensor::zeros(DType::Bool, {3});
    mask.mutableBytes()[2] = std::byte{1};
    const auto last = OneOperator{"Attention", 23}.run({q, zeros({1, 1, 3, 2}), v, mask});
    EXPECT_EQ(outputOf<float>(last), (Floats{12, 12, 12}));
}

TEST(Attention, RefusesWhatItWouldComputeWrongly) {
    const Tensor q = zeros({1, 2, 3, 4});
    const auto run = [](std::map<std::string, Attribute> attributes, std::vector<Tensor> inputs,
                        int outputs = 1) {
        return errorOf(OneOperator{"Attention", 23, std::move(attributes), outputs}.run(std::move(inputs)));
    };
    EXPECT_EQ(run({{"softcap", 2.0}, {"is_causal", std::int64_t{1}}}, {q, q, q}), ErrorCode::Unsupported);
    EXPECT_EQ(run({{"is_causal", std::int64_t{1}}}, {q, q, q, {}, q, q}), ErrorCode::Unsupported);
    EXPECT_EQ(run({}, {q, q, q}, 4), ErrorCode::Unsupported) << "scores as an output";
    EXPECT_EQ(run({}, {q, zeros({1, 2, 3, 5}), q}), ErrorCode::InvalidArgument);
    EXPECT_EQ(run({}, {q, zeros({1, 3, 3, 4}), zeros({1, 3, 3, 4})}), ErrorCode::InvalidArgument);
    EXPECT_EQ(run({}, {q, q, q, zeros({5, 3})}), ErrorCode::InvalidArgument) << "a mask that does not fit";
    EXPECT_EQ(run({}, {zeros({1, 3, 8}), zeros({1, 3, 8}), zeros({1, 3, 8})}), ErrorCode::InvalidArgument)
        << "rank 3 without a number of heads";
}

TEST(ContribAttention, RefusesCachesAndPackedOperands) {
    const Tensor x = zeros({1, 3, 8}), heads = zeros({1, 2, 3, 4});
    const std::map<std::string, Attribute> two{{"num_heads", std::int64_t{2}}};
    EXPECT_EQ(errorOf(contrib("MultiHeadAttention", two).run({x})), ErrorCode::Unsupported);
    EXPECT_EQ(errorOf(contrib("MultiHeadAttention", two).run({x, x, x, {}, {}, {}, heads, heads})),
              ErrorCode::Unsupported);
    EXPECT_EQ(errorOf(contrib("MultiHeadAttention").run({x, x, x})), ErrorCode::Unsupported);
    EXPECT_EQ(errorOf(contrib("MultiHeadAttention", {{"num_heads", std::int64_t{3}}}).run({x, x, x})),
              ErrorCode::InvalidArgument);
    const std::map<std::string, Attribute> window{{"num_heads", std::int64_t{2}},
                                                  {"kv_num_heads", std::int64_t{2}},
                                                  {"local_window_size", std::int64_t{4}}};
    EXPECT_EQ(errorOf(contrib("GroupQueryAttention", window, 3).run({x, x, x})), ErrorCode::Unsupported);
    const std::map<std::string, Attribute> grouped{{"num_heads", std::int64_t{2}},
                                                   {"kv_num_heads", std::int64_t{2}}};
    const auto withLast = [&](std::int32_t last, const Tensor &past) {
        return contrib("GroupQueryAttention", grouped, 3)
            .run(
                {x, x, x, past, past, tensorOf<std::int32_t>({1}, {last}), tensorOf<std::int32_t>({1}, {3})});
    };
    EXPECT_TRUE(withLast(2, {}));
    EXPECT_TRUE(withLast(2, zeros({1, 2, 0, 4})));
    EXPECT_EQ(errorOf(withLast(1, {})), ErrorCode::Unsupported) << "a padded sequence";
    EXPECT_EQ(errorOf(withLast(2, zeros({1, 2, 5, 4}))), ErrorCode::Unsupported) << "a cache";
}

TEST(RotaryEmbedding, RefusesPositionsWithoutAngles) {
    const auto run = [](std::int64_t position) {
        return contrib("RotaryEmbedding")
            .run({zeros({1, 2, 4}), tensorOf<std::int64_t>({1}, {position}), zeros({3, 2}), zeros({3, 2})});
    };
    EXPECT_TRUE(run(1));
    for (const std::int64_t position : {std::int64_t{2}, std::int64_t{-1}, INT64_MAX})
        EXPECT_EQ(errorOf(run(position)), ErrorCode::InvalidArgument) << position;
    EXPECT_EQ(errorOf(OneOperator{"RotaryEmbedding", 23}.run(
                  {zeros({1, 2, 3, 4}), zeros({1, 2, 2}), zeros({1, 2, 2})})),
              ErrorCode::InvalidArgument)
        << "two rows of angles for three tokens";
}

TEST(MatMulNBits, RefusesSizesThatContradictEachOther) {
    const auto run = [](std::int64_t k, std::int64_t n, std::int64_t bits, std::int64_t block) {
        return errorOf(contrib("MatMulNBits", {{"K", k}, {"N", n}, {"bits", bits}, {"block_size", block}})
                           .run({zeros({1, 32}), Tensor::zeros(DType::UInt8, {2, 1, 16}), zeros({2})}));
    };
    EXPECT_EQ(run(32, 2, 3, 32), ErrorCode::Unsupported);
    EXPECT_EQ(run(32, 2, 4, 0), ErrorCode::Unsupported);
    EXPECT_EQ(run(-32, 2, 4, 32), ErrorCode::Unsupported);
    EXPECT_EQ(run(INT64_MAX, 2, 4, 32), ErrorCode::Unsupported);
    EXPECT_EQ(run(32, 3, 4, 32), ErrorCode::InvalidArgument);
    EXPECT_EQ(run(64, 2, 4, 32), ErrorCode::InvalidArgument);
    const Tensor group = Tensor::zeros(DType::Int32, {32});
    EXPECT_EQ(
        errorOf(contrib("MatMulNBits",
                        {{"K", std::int64_t{32}}, {"N", std::int64_t{2}}, {"block_size", std::int64_t{32}}})
                    .run({zeros({1, 32}), Tensor::zeros(DType::UInt8, {2, 1, 16}), zeros({2}), {}, group})),
        ErrorCode::Unsupported);
}

TEST(SkipLayerNormalization, RefusesASkipThatDoesNotRepeat) {
    const auto run = [](Shape skip) {
        return contrib("SkipLayerNormalization").run({zeros({2, 3, 4}), zeros(std::move(skip)), zeros({4})});
    };
    EXPECT_TRUE(run({1, 3, 4}));
    EXPECT_TRUE(run({3, 4}));
    EXPECT_EQ(errorOf(run({2, 1, 4})), ErrorCode::InvalidArgument);
    EXPECT_EQ(errorOf(run({4, 3, 4})), ErrorCode::InvalidArgument);
}

} // namespace
} // namespace qs
