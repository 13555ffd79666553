#include "core/export/exporters/qdq_encoding.h"

#include "core/tensor/convert.h"

namespace qs {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

Layer linearLayer(std::int64_t rows, std::int64_t cols, bool transposed) {
    Layer layer;
    layer.name = "fc";
    layer.outChannels = rows;
    layer.inPerOut = cols;
    layer.transposed = transposed;
    layer.outChannelAxis = transposed ? 1 : 0;
    layer.weightShape = transposed ? Shape{cols, rows} : Shape{rows, cols};
    return layer;
}

/// Codes count up over the matrix, scales and zero points over the slices.
QuantizedMatrix countingMatrix(std::int64_t rows, std::int64_t cols, int bits, GridConvention convention,
                               Granularity granularity, std::int64_t groupSize = 0) {
    QuantizedMatrix matrix;
    matrix.rows = rows;
    matrix.cols = cols;
    matrix.bits = bits;
    matrix.convention = convention;
    matrix.layout = {granularity, rows, cols, groupSize};
    const CodeRange range = codeRange(bits, convention);
    const std::int32_t count = range.highest - range.lowest + 1;
    for (std::int64_t i = 0; i < rows * cols; ++i)
        matrix.codes.push_back(static_cast<std::int16_t>(range.lowest + i % count));
    for (std::int64_t i = 0; i < matrix.layout.slices(); ++i) {
        matrix.scales.push_back(0.5f + static_cast<float>(i));
        const bool offset = convention == GridConvention::SymmetricOffset;
        const bool asymmetric = convention == GridConvention::Asymmetric;
        matrix.zeroPoints.push_back(offset       ? 1 << (bits - 1)
                                    : asymmetric ? static_cast<std::int32_t>(i % count)
                                                 : 0);
    }
    return matrix;
}

std::vector<float> valuesOf(const Tensor &tensor) {
    const Tensor values = toFloat32(tensor).value();
    return {values.values<float>().begin(), values.values<float>().end()};
}

std::vector<int> bytesOf(const Tensor &tensor) {
    std::vector<int> bytes;
    for (std::size_t i = 0; i < tensor.sizeBytes(); ++i)
        bytes.push_back(static_cast<int>(tensor.bytes()[i]));
    return bytes;
}

TEST(QdqEncoding, FourBitCodesArePackedLowNibbleFirst) {
    QuantizedMatrix matrix = countingMatrix(1, 7, 4, GridConvention::SymmetricFull, Granularity::PerTensor);
    matrix.codes = {-8, 7, 3, -1, 0, 5, -3};
    const QdqWeight weight = encodeWeight(linearLayer(1, 7, false), matrix, std::nullopt).value();
    EXPECT_EQ(weight.codes.dtype(), DType::Int4);
    EXPECT_THAT(bytesOf(weight.codes), ElementsAre(0x78, 0xF3, 0x50, 0x0D)); // file_formats 17.3
    EXPECT_EQ(weight.scale.shape(), Shape{});
    EXPECT_EQ(weight.zeroPoint.dtype(), DType::Int4);
    EXPECT_EQ(weight.zeroPoint.shape(), Shape{});
}

TEST(QdqEncoding, TransposedWeightGetsItsStoredLayoutBack) {
    const auto matrix = countingMatrix(2, 3, 8, GridConvention::SymmetricRestricted, Granularity::PerChannel);
    const QdqWeight weight = encodeWeight(linearLayer(2, 3, true), matrix, std::nullopt).value();
    EXPECT_EQ(weight.codes.shape(), (Shape{3, 2}));
    EXPECT_EQ(weight.axis, 1);
    EXPECT_THAT(valuesOf(weight.codes), ElementsAre(-127, -124, -126, -123, -125, -122));
    EXPECT_EQ(weight.scale.shape(), Shape{2});
    EXPECT_EQ(weight.blockSize, 0);
}

TEST(QdqEncoding, BlocksRunAlongTheInputsOfATransposedWeight) {
    const auto matrix = countingMatrix(2, 5, 4, GridConvention::Asymmetric, Granularity::PerGroup, 2);
    const QdqWeight weight = encodeWeight(linearLayer(2, 5, true), matrix, std::nullopt).value();
    EXPECT_EQ(weight.codes.dtype(), DType::UInt4);
    EXPECT_EQ(weight.axis, 0);
    EXPECT_EQ(weight.blockSize, 2);
    EXPECT_EQ(weight.scale.shape(), (Shape{3, 2}));
    EXPECT_THAT(valuesOf(weight.scale), ElementsAre(0.5, 3.5, 1.5, 4.5, 2.5, 5.5));
    EXPECT_THAT(valuesOf(weight.zeroPoint), ElementsAre(0, 3, 1, 4, 2, 5));
    EXPECT_FALSE(weight.needsReshape);
}

TEST(QdqEncoding, GroupThatCoversTheRowIsPerChannel) {
    const auto matrix = countingMatrix(3, 4, 8, GridConvention::Asymmetric, Granularity::PerGroup, 64);
    const QdqWeight weight = encodeWeight(linearLayer(3, 4, false), matrix, std::nullopt).value();
    EXPECT_EQ(weight.blockSize, 0);
    EXPECT_EQ(weight.scale.shape(), Shape{3});
}

TEST(QdqEncoding, BlocksOfAConvolutionAreWrittenFlat) {
    Layer layer = linearLayer(4, 18, false);
    layer.kind = LayerKind::Conv;
    layer.weightShape = Shape{4, 2, 3, 3};
    const auto grouped = countingMatrix(4, 18, 8, GridConvention::Asymmetric, Granularity::PerGroup, 8);
    const QdqWeight flat = encodeWeight(layer, grouped, std::nullopt).value();
    EXPECT_EQ(flat.codes.shape(), (Shape{4, 18}));
    EXPECT_TRUE(flat.needsReshape);
    EXPECT_EQ(flat.scale.shape(), (Shape{4, 3}));
    const auto perChannel = countingMatrix(4, 18, 8, GridConvention::Asymmetric, Granularity::PerChannel);
    const QdqWeight plain = encodeWeight(layer, perChannel, std::nullopt).value();
    EXPECT_EQ(plain.codes.shape(), layer.weightShape);
    EXPECT_FALSE(plain.needsReshape);
    EXPECT_EQ(plain.axis, 0);
}

TEST(QdqEncoding, ReorderedColumnsAreSortedByGroupAndGatheredBack) {
    auto matrix = countingMatrix(1, 4, 8, GridConvention::Asymmetric, Granularity::PerGroup, 2);
    matrix.groupOfColumn = {1, 0, 0, 1};
    matrix.codes = {10, 11, 12, 13};
    const QdqWeight weight = encodeWeight(linearLayer(1, 4, false), matrix, std::nullopt).value();
    EXPECT_THAT(valuesOf(weight.codes), ElementsAre(11, 12, 10, 13));
    EXPECT_THAT(weight.columnSource, ElementsAre(2, 0, 1, 3)); // column 0 is now third
}

TEST(QdqEncoding, GroupsOfUnequalSizeAreRefusedWithAdvice) {
    auto matrix = countingMatrix(1, 4, 8, GridConvention::Asymmetric, Granularity::PerGroup, 2);
    matrix.groupOfColumn = {1, 0, 0, 0};
    const auto weight = encodeWeight(linearLayer(1, 4, false), matrix, std::nullopt);
    ASSERT_FALSE(weight);
    EXPECT_EQ(weight.error().code, ErrorCode::Unsupported);
    EXPECT_THAT(weight.error().text(), ::testing::HasSubstr("fc: "));
    EXPECT_THAT(weight.error().message, ::testing::HasSubstr("static groups"));
}

TEST(QdqEncoding, OffsetCodesBecomeSignedWithZeroPointZero) {
    const auto matrix = countingMatrix(2, 2, 8, GridConvention::SymmetricOffset, Granularity::PerChannel);
    const QdqWeight weight = encodeWeight(linearLayer(2, 2, false), matrix, std::nullopt).value();
    EXPECT_EQ(weight.codes.dtype(), DType::Int8);
    EXPECT_THAT(valuesOf(weight.codes), ElementsAre(-128, -127, -126, -125));
    EXPECT_THAT(valuesOf(weight.zeroPoint), ElementsAre(0, 0));
}

TEST(QdqEncoding, EightBitCodesFollowTheSignOfTheActivation) {
    const Layer layer = linearLayer(2, 2, false);
    const auto asymmetric = countingMatrix(2, 2, 8, GridConvention::Asymmetric, Granularity::PerChannel);
    EXPECT_EQ(encodeWeight(layer, asymmetric, std::nullopt)->codes.dtype(), DType::UInt8);
    const QdqWeight lowered = encodeWeight(layer, asymmetric, true).value();
    EXPECT_EQ(lowered.codes.dtype(), DType::Int8);
    EXPECT_THAT(valuesOf(lowered.zeroPoint), ElementsAre(-128, -127));
    const auto symmetric = countingMatrix(2, 2, 8, GridConvention::SymmetricFull, Granularity::PerChannel);
    EXPECT_EQ(encodeWeight(layer, symmetric, std::nullopt)->codes.dtype(), DType::Int8);
    const QdqWeight raised = encodeWeight(layer, symmetric, false).value();
    EXPECT_EQ(raised.codes.dtype(), DType::UInt8);
    EXPECT_THAT(valuesOf(raised.codes), ElementsAre(0, 1, 2, 3));
    EXPECT_THAT(valuesOf(raised.zeroPoint), ElementsAre(128, 128));
}

/// Every bit-width and convention keeps its values: scale · (code − zeroPoint) before and after.
TEST(QdqEncoding, ValuesAreThoseOfTheMatrix) {
    for (const int bits : {2, 3, 4, 5, 8, 12})
        for (const auto convention : {GridConvention::Asymmetric, GridConvention::SymmetricOffset,
                                      GridConvention::SymmetricRestricted, GridConvention::SymmetricFull})
            for (const std::optional<bool> isSigned :
                 {std::optional<bool>(), std::optional(false), std::optional(true)}) {
                const auto matrix = countingMatrix(1, 33, bits, convention, Granularity::PerTensor);
                const QdqWeight weight = encodeWeight(linearLayer(1, 33, false), matrix, isSigned).value();
                std::vector<float> values = valuesOf(weight.codes);
                for (float &value : values)
                    value = (value - valuesOf(weight.zeroPoint)[0]) * valuesOf(weight.scale)[0];
                std::vector<float> expected;
                for (const std::int16_t code : matrix.codes)
                    expected.push_back(dequantizeValue(code, {matrix.scales[0], matrix.zeroPoints[0]}));
                EXPECT_THAT(values, ElementsAreArray(expected)) << bits << " bits";
            }
}

TEST(QdqEncoding, ActivationIsShiftedIntoTheChosenType) {
    const GridScheme scheme{8, GridConvention::Asymmetric, {}, RoundingMode::HalfEven};
    const QdqActivation asSigned = encodeActivation({0.1f, 30}, scheme, true);
    EXPECT_EQ(asSigned.type, DType::Int8);
    EXPECT_EQ(asSigned.zeroPoint, -98);
    EXPECT_FALSE(asSigned.clip);
    const QdqActivation asUnsigned = encodeActivation({0.1f, 30}, scheme, false);
    EXPECT_EQ(asUnsigned.type, DType::UInt8);
    EXPECT_EQ(asUnsigned.zeroPoint, 30);
}

TEST(QdqEncoding, GridWithFewerCodesThanItsTypeIsClipped) {
    const GridScheme restricted{8, GridConvention::SymmetricRestricted, {}, RoundingMode::HalfEven};
    const QdqActivation symmetric = encodeActivation({0.5f, 0}, restricted, true);
    ASSERT_TRUE(symmetric.clip);
    EXPECT_EQ(*symmetric.clip, std::make_pair(-63.5f, 63.5f));
    const GridScheme narrow{4, GridConvention::Asymmetric, {}, RoundingMode::HalfEven};
    const QdqActivation fourBit = encodeActivation({0.5f, 3}, narrow, true);
    EXPECT_EQ(fourBit.zeroPoint, -5);
    EXPECT_EQ(*fourBit.clip, std::make_pair(-1.5f, 6.0f));
}

TEST(QdqEncoding, BiasLiesOnTheGridOfInputTimesWeight) {
    const std::vector<float> bias = {1.0f, -0.26f};
    const Tensor scale = Tensor::fromValues<float>(Shape{2}, std::vector<float>{0.5f, 1.0f});
    const auto encoded = encodeBias(bias, 0.1f, scale);
    ASSERT_TRUE(encoded);
    EXPECT_THAT(valuesOf(encoded->codes), ElementsAre(20, -3)); // 1/0.05, -0.26/0.1 = -2.6
    EXPECT_EQ(encoded->scale.values<float>()[0], 0.1f * 0.5f);
    EXPECT_FALSE(encodeBias(std::vector<float>{1e9f}, 1e-3f, Tensor::scalar(1e-3f))) << "does not fit int32";
    EXPECT_FALSE(encodeBias(std::vector<float>{0.0f}, 1e-30f, Tensor::scalar(1e-30f))) << "scale underflows";
}

} // namespace
} // namespace qs
