#include "core/tensor/convert.h"

#include <bit>
#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <limits>

namespace qs {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

/// Sign, exponent and mantissa of IEEE binary16, straight from the definition.
double float16ByDefinition(std::uint16_t bits) {
    const int exponent = (bits >> 10) & 31, mantissa = bits & 1023;
    const double sign = bits & 0x8000 ? -1 : 1;
    if (exponent == 31)
        return mantissa ? std::nan("") : sign * std::numeric_limits<double>::infinity();
    return exponent == 0 ? sign * std::ldexp(mantissa, -24)
                         : sign * std::ldexp(1024 + mantissa, exponent - 25);
}

template <typename T>
std::vector<T> valuesOf(const Tensor &tensor) {
    return {tensor.values<T>().begin(), tensor.values<T>().end()};
}

Tensor floats(const std::vector<float> &values) {
    return Tensor::fromValues<float>({static_cast<std::int64_t>(values.size())}, values);
}

/// A tensor of a type that has no C++ element type, from its bytes.
Tensor packed(DType type, std::int64_t count, const std::vector<std::uint8_t> &bytes) {
    Tensor tensor = Tensor::allocate(type, {count});
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<std::uint8_t *>(tensor.mutableBytes()));
    return tensor;
}

std::vector<float> decoded(const Tensor &tensor) {
    return valuesOf<float>(toFloat32(tensor).value());
}

} // namespace

TEST(Convert, EveryFloat16CodeDecodesAndEncodesBack) {
    for (std::uint32_t code = 0; code < 65536; ++code) {
        const auto bits = static_cast<std::uint16_t>(code);
        const float value = float16ToFloat(bits);
        if (std::isnan(value)) {
            EXPECT_TRUE(std::isnan(float16ByDefinition(bits)));
            EXPECT_TRUE(std::isnan(float16ToFloat(floatToFloat16(value))));
            continue;
        }
        EXPECT_EQ(value, float16ByDefinition(bits));
        EXPECT_EQ(std::signbit(value), (bits & 0x8000) != 0);
        EXPECT_EQ(floatToFloat16(value), bits);
    }
}

TEST(Convert, ValuesBetweenFloat16CodesRoundToTheNearestTiesToEven) {
    for (std::uint32_t code = 0; code < 0x7BFF; ++code) {
        const float below = float16ToFloat(static_cast<std::uint16_t>(code));
        const float above = float16ToFloat(static_cast<std::uint16_t>(code + 1));
        const float middle = (below + above) / 2; // exact in float32
        EXPECT_EQ(floatToFloat16(middle), code % 2 ? code + 1 : code);
        EXPECT_EQ(floatToFloat16(std::nextafter(middle, 0.0f)), code);
        EXPECT_EQ(floatToFloat16(-std::nextafter(middle, kInf)), 0x8000u + code + 1);
    }
    EXPECT_EQ(floatToFloat16(65519.996f), 0x7BFF);
    EXPECT_EQ(floatToFloat16(65520.0f), 0x7C00);
    EXPECT_EQ(floatToFloat16(-kInf), 0xFC00);
}

TEST(Convert, BFloat16KeepsTheUpperHalfRounded) {
    EXPECT_EQ(bfloat16ToFloat(0x3F80), 1.0f);
    EXPECT_EQ(floatToBFloat16(1.0f + 0x1p-8f), 0x3F80); // tie to even
    EXPECT_EQ(floatToBFloat16(1.0f + 3 * 0x1p-8f), 0x3F82);
    EXPECT_EQ(floatToBFloat16(std::numeric_limits<float>::max()), 0x7F80);
    EXPECT_TRUE(std::isnan(bfloat16ToFloat(floatToBFloat16(std::bit_cast<float>(0x7F800001u)))));
}

TEST(Convert, EightBitFloatsHaveTheirDocumentedValues) {
    const std::vector<std::uint8_t> codes{0x00, 0x01, 0x08, 0x38, 0x7E, 0x7F, 0x80, 0xB8};
    EXPECT_THAT(decoded(packed(DType::Float8E4M3FN, 8, codes)),
                testing::ElementsAre(0, 0x1p-9f, 0x1p-6f, 1, 448, testing::IsNan(), 0, -1));
    EXPECT_THAT(decoded(packed(DType::Float8E4M3FNUZ, 8, codes)),
                testing::ElementsAre(0, 0x1p-10f, 0x1p-7f, 0.5f, 224, 240, testing::IsNan(), -0.5f));
    EXPECT_THAT(decoded(packed(DType::Float8E5M2, 4, {0x3C, 0x7B, 0x7C, 0x7D})),
                testing::ElementsAre(1, 57344, kInf, testing::IsNan()));
    EXPECT_THAT(decoded(packed(DType::Float8E5M2FNUZ, 3, {0x40, 0x7F, 0x80})),
                testing::ElementsAre(1, 57344, testing::IsNan()));
    EXPECT_THAT(decoded(packed(DType::Float8E8M0, 3, {127, 130, 255})),
                testing::ElementsAre(1, 8, testing::IsNan()));
}

TEST(Convert, EightBitFloatsRoundTripAndSaturate) {
    for (DType type :
         {DType::Float8E4M3FN, DType::Float8E4M3FNUZ, DType::Float8E5M2, DType::Float8E5M2FNUZ}) {
        std::vector<std::uint8_t> codes;
        for (int code = 0; code < 256; ++code)
            codes.push_back(static_cast<std::uint8_t>(code));
        const std::vector<float> values = decoded(packed(type, 256, codes));
        const Tensor again = castTensor(floats(values), type).value();
        float largest = 0;
        for (std::size_t code = 0; code < 256; ++code)
            if (std::isfinite(values[code])) {
                EXPECT_EQ(again.values<std::uint8_t>()[code], code);
                largest = std::max(largest, values[code]);
            }
        const Tensor huge = castTensor(floats({1e30f, -1e30f}), type).value();
        EXPECT_THAT(decoded(huge), testing::ElementsAre(largest, -largest));
    }
}

TEST(Convert, SubByteTypesStartAtTheLowestBits) {
    EXPECT_THAT(decoded(packed(DType::UInt4, 3, {0x2F, 0x08})), testing::ElementsAre(15, 2, 8));
    EXPECT_THAT(decoded(packed(DType::Int4, 3, {0x2F, 0x08})), testing::ElementsAre(-1, 2, -8));
    EXPECT_THAT(decoded(packed(DType::Int2, 4, {0b11100100})), testing::ElementsAre(0, 1, -2, -1));
    EXPECT_THAT(decoded(packed(DType::Float4E2M1, 4, {0x71, 0xFA})), testing::ElementsAre(0.5f, 6, -1, -6));
}

TEST(Convert, FloatToIntegerTruncatesAndSaturates) {
    const Tensor source = floats({1.9f, -1.9f, 300, -300, kInf, -kInf, std::nanf("")});
    EXPECT_THAT(valuesOf<std::int8_t>(castTensor(source, DType::Int8).value()),
                testing::ElementsAre(1, -1, 127, -128, 127, -128, 0));
    EXPECT_THAT(valuesOf<std::uint8_t>(castTensor(source, DType::UInt8).value()),
                testing::ElementsAre(1, 0, 255, 0, 255, 0, 0));
    const Tensor big = floats({9.3e18f, -9.3e18f});
    EXPECT_THAT(valuesOf<std::int64_t>(castTensor(big, DType::Int64).value()),
                testing::ElementsAre(std::numeric_limits<std::int64_t>::max(),
                                     std::numeric_limits<std::int64_t>::min()));
    EXPECT_THAT(valuesOf<bool>(castTensor(floats({0, -0.0f, 0.1f}), DType::Bool).value()),
                testing::ElementsAre(false, false, true));
}

TEST(Convert, WideIntegersAreNotRoundedThroughDouble) {
    const std::int64_t wide[] = {9007199254740993, -9007199254740993};
    const Tensor source = Tensor::fromValues<std::int64_t>({2}, wide);
    EXPECT_THAT(toInt64Vector(source).value(), testing::ElementsAreArray(wide));
    EXPECT_THAT(valuesOf<std::uint64_t>(castTensor(source, DType::UInt64).value())[0], 9007199254740993u);
}

TEST(Convert, BigTensorsAreConvertedWhole) {
    Tensor source = Tensor::allocate(DType::Float16, {1000, 1001});
    const auto codes = source.mutableValues<std::uint16_t>();
    for (std::size_t i = 0; i < codes.size(); ++i)
        codes[i] = static_cast<std::uint16_t>(i % 0x7C00);
    const Tensor converted = toFloat32(source).value();
    for (std::size_t i = 0; i < codes.size(); ++i)
        ASSERT_EQ(converted.values<float>()[i], float16ToFloat(codes[i]));
}

TEST(Convert, ImpossibleConversionsNameBothTypes) {
    const Tensor text = Tensor::allocate(DType::String, {});
    EXPECT_EQ(toFloat32(text).error().message, "cannot convert string to float32");
    EXPECT_EQ(castTensor(floats({1}), DType::Int4).error().message, "cannot convert float32 to int4");
    EXPECT_EQ(toInt64Vector(floats({1})).error().message, "needs integers, found float32");
}

} // namespace qs
