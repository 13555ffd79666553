#include "core/quant/quantized_matrix.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qs {
namespace {

QuantizedMatrix matrixOf(std::int64_t rows, std::int64_t cols, int bits, GridConvention convention,
                         Granularity granularity, std::int64_t groupSize, bool asFloat16) {
    QuantizedMatrix matrix;
    matrix.rows = rows;
    matrix.cols = cols;
    matrix.bits = bits;
    matrix.convention = convention;
    matrix.layout = {granularity, rows, cols, groupSize};
    matrix.scaleAsFloat16 = asFloat16;
    matrix.codes.resize(static_cast<std::size_t>(rows * cols));
    matrix.scales.assign(static_cast<std::size_t>(matrix.layout.slices()), 0.5f);
    matrix.zeroPoints.resize(matrix.scales.size());
    return matrix;
}

QuantizedMatrix small() {
    return matrixOf(2, 5, 4, GridConvention::Asymmetric, Granularity::PerGroup, 2, true);
}

/// What validate() says after a change to a good matrix.
template <typename Change>
std::string errorAfter(Change change) {
    QuantizedMatrix matrix = small();
    change(matrix);
    const Status status = matrix.validate();
    return status ? "" : status.error().message;
}

} // namespace

TEST(SliceLayout, RaggedLastGroupIsShorter) {
    const SliceLayout layout{Granularity::PerGroup, 2, 5, 2};
    EXPECT_EQ(layout.groupsPerRow(), 3);
    EXPECT_EQ(layout.slices(), 6);
    EXPECT_EQ(layout.slice(1, 4), 5);
    EXPECT_EQ(layout.sliceEnd(0), 2);
    EXPECT_EQ(layout.sliceEnd(3), 4);
    EXPECT_EQ(layout.sliceEnd(4), 5);
    for (Granularity granularity : {Granularity::PerTensor, Granularity::PerChannel, Granularity::PerGroup})
        EXPECT_EQ(granularityFromName(granularityName(granularity)).value(), granularity);
    EXPECT_FALSE(granularityFromName("row").has_value());
}

TEST(QuantizedMatrix, EffectiveBitsMatchTheStorageTable) {
    constexpr auto kSym = GridConvention::SymmetricRestricted, kAsym = GridConvention::Asymmetric;
    constexpr auto kGroup = Granularity::PerGroup;
    auto bits = [](int payload, GridConvention convention, std::int64_t group) {
        return matrixOf(4, 1024, payload, convention, kGroup, group, true).bitsBreakdown().effective();
    };
    EXPECT_DOUBLE_EQ(bits(4, kSym, 128), 4.125);
    EXPECT_DOUBLE_EQ(bits(4, kAsym, 128), 4.15625);
    EXPECT_DOUBLE_EQ(bits(3, kAsym, 128), 3.1484375);
    EXPECT_DOUBLE_EQ(bits(2, kAsym, 64), 2.28125);
    EXPECT_DOUBLE_EQ(bits(4, kAsym, 64), 4.3125);
    const auto channel = matrixOf(4, 1024, 8, kAsym, Granularity::PerChannel, 0, false).bitsBreakdown();
    EXPECT_DOUBLE_EQ(channel.codes, 8);
    EXPECT_DOUBLE_EQ(channel.scales, 32 / 1024.0);
    EXPECT_DOUBLE_EQ(channel.zeroPoints, 8 / 1024.0);
    const auto tensor = matrixOf(4, 1024, 8, kSym, Granularity::PerTensor, 0, false).bitsBreakdown();
    EXPECT_DOUBLE_EQ(tensor.effective(), 8 + 32 / 4096.0);
    QuantizedMatrix reordered = matrixOf(4, 1024, 4, kSym, kGroup, 128, true);
    reordered.groupOfColumn.assign(1024, 0);
    EXPECT_DOUBLE_EQ(reordered.bitsBreakdown().indices, 32.0 / 4);
    EXPECT_EQ(matrixOf(0, 0, 4, kSym, kGroup, 128, true).bitsBreakdown().effective(), 0);
}

TEST(QuantizedMatrix, DequantizeUsesTheGridOfEachSlice) {
    QuantizedMatrix matrix = small();
    for (std::size_t i = 0; i < matrix.codes.size(); ++i)
        matrix.codes[i] = static_cast<std::int16_t>(i);
    matrix.scales = {1, 2, 4, 8, 16, 32};
    matrix.zeroPoints = {0, 1, 2, 3, 4, 5};
    const std::vector<float> expected{0, 1, 2, 4, 8, 16, 24, 48, 64, 128};
    const Tensor values = matrix.dequantize();
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), values.values<float>().begin()));

    matrix.groupOfColumn = {2, 1, 0, 0, 1};
    const std::vector<float> reordered{-8, 0, 2, 3, 6, 0, 32, 32, 40, 80};
    const Tensor other = matrix.dequantize();
    EXPECT_TRUE(std::equal(reordered.begin(), reordered.end(), other.values<float>().begin()));
}

TEST(QuantizedMatrix, ValidateNamesWhatDoesNotHold) {
    EXPECT_EQ(errorAfter([](auto &) {}), "");
    EXPECT_EQ(errorAfter([](auto &m) { m.codes[7] = 16; }),
              "code at row 1, column 2 is 16; allowed: 0 to 15");
    EXPECT_EQ(errorAfter([](auto &m) { m.codes.pop_back(); }), "9 codes, expected 10");
    EXPECT_EQ(errorAfter([](auto &m) { m.scales.pop_back(); }), "5 scales, expected 6");
    EXPECT_EQ(errorAfter([](auto &m) { m.zeroPoints.clear(); }), "0 zero points, expected 6");
    EXPECT_EQ(errorAfter([](auto &m) { m.scales[3] = 0; }),
              "scale of slice 3 is 0; it must be positive and finite");
    EXPECT_EQ(errorAfter([](auto &m) { m.scales[3] = std::nanf(""); }),
              "scale of slice 3 is nan; it must be positive and finite");
    EXPECT_EQ(errorAfter([](auto &m) { m.zeroPoints[5] = -1; }),
              "zero point of slice 5 is -1; allowed: 0 to 15");
    EXPECT_EQ(errorAfter([](auto &m) { m.convention = GridConvention::SymmetricOffset; }),
              "zero point of slice 0 is 0; allowed: 8 to 8");
    EXPECT_EQ(errorAfter([](auto &m) { m.bits = 16; }), "16 bits; allowed: 2 to 15");
    EXPECT_EQ(errorAfter([](auto &m) { m.rows = 3; }), "matrix is [3, 5] but its layout is [2, 5]");
    EXPECT_EQ(errorAfter([](auto &m) { m.layout.groupSize = 0; }), "group size is 0; it must be at least 1");
    EXPECT_EQ(errorAfter([](auto &m) { m.groupOfColumn = {0, 0}; }), "2 group indices, expected 5");
    EXPECT_EQ(errorAfter([](auto &m) {
                  m.groupOfColumn = {0, 0, 1, 1, 3};
              }),
              "column 4 is in group 3; there are 3");
}

} // namespace qs
