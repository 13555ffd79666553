#include "core/numeric/integer_grid.h"

#include <cfloat>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qs {
namespace {

constexpr GridConvention kAll[] = {GridConvention::Asymmetric, GridConvention::SymmetricOffset,
                                   GridConvention::SymmetricRestricted, GridConvention::SymmetricFull};

float roundTrip(float value, ScaleZero grid, int bits, GridConvention convention) {
    return dequantizeValue(quantizeValue(value, grid, codeRange(bits, convention), RoundingMode::HalfEven),
                           grid);
}

} // namespace

TEST(Rounding, TiesGoWhereTheModeSays) {
    const double ties[] = {-2.5, -1.5, -0.5, 0.5, 1.5, 2.5};
    const double even[] = {-2, -2, -0.0, 0, 2, 2}, away[] = {-3, -2, -1, 1, 2, 3},
                 up[] = {-2, -1, 0, 1, 2, 3};
    for (int i = 0; i < 6; ++i) {
        EXPECT_EQ(roundTo(ties[i], RoundingMode::HalfEven), even[i]);
        EXPECT_EQ(roundTo(ties[i], RoundingMode::HalfAway), away[i]);
        EXPECT_EQ(roundTo(ties[i], RoundingMode::Floor), up[i]);
    }
    for (RoundingMode mode : {RoundingMode::HalfEven, RoundingMode::HalfAway, RoundingMode::Floor}) {
        EXPECT_EQ(roundTo(1.49, mode), 1);
        EXPECT_EQ(roundTo(-1.51, mode), -2);
        EXPECT_EQ(roundingModeFromName(roundingModeName(mode)).value(), mode);
    }
    EXPECT_FALSE(roundingModeFromName("nearest").has_value());
}

TEST(IntegerGrid, CodeRangesOfTheConventions) {
    const std::pair<int, int> expected[][4] = {{{0, 3}, {0, 3}, {-1, 1}, {-2, 1}},
                                               {{0, 15}, {0, 15}, {-7, 7}, {-8, 7}},
                                               {{0, 255}, {0, 255}, {-127, 127}, {-128, 127}}};
    const int bits[] = {2, 4, 8};
    for (int b = 0; b < 3; ++b)
        for (int c = 0; c < 4; ++c) {
            const CodeRange range = codeRange(bits[b], kAll[c]);
            EXPECT_EQ(std::make_pair(range.lowest, range.highest), expected[b][c]);
        }
    for (GridConvention convention : kAll)
        EXPECT_EQ(gridConventionFromName(gridConventionName(convention)).value(), convention);
    EXPECT_FALSE(gridConventionFromName("symmetric").has_value());
}

TEST(IntegerGrid, ScalesOfTheConventions) {
    EXPECT_FLOAT_EQ(gridForRange(-1, 2, 4, GridConvention::Asymmetric).scale, 3.0f / 15);
    EXPECT_FLOAT_EQ(gridForRange(-1, 2, 4, GridConvention::SymmetricOffset).scale, 4.0f / 15);
    EXPECT_FLOAT_EQ(gridForRange(-1, 2, 4, GridConvention::SymmetricRestricted).scale, 2.0f / 7);
    EXPECT_FLOAT_EQ(gridForRange(-1, 2, 4, GridConvention::SymmetricFull).scale, 2.0f / 8);
    const int zeros[] = {5, 8, 0, 0};
    for (int c = 0; c < 4; ++c)
        EXPECT_EQ(gridForRange(-1, 2, 4, kAll[c]).zeroPoint, zeros[c]);
}

TEST(IntegerGrid, AsymmetricRangeIsWidenedToHoldZero) {
    const ScaleZero positive = gridForRange(2, 5, 8, GridConvention::Asymmetric);
    EXPECT_FLOAT_EQ(positive.scale, 5.0f / 255);
    EXPECT_EQ(positive.zeroPoint, 0);
    const ScaleZero negative = gridForRange(-5, -2, 8, GridConvention::Asymmetric);
    EXPECT_FLOAT_EQ(negative.scale, 5.0f / 255);
    EXPECT_EQ(negative.zeroPoint, 255);
    // The zero of [-a, a] lies between two codes; the even one is taken at every a.
    for (double a : {0.1f, 0.3f, 0.7f, 1.1f, 3.3f, 12345.678f})
        EXPECT_EQ(gridForRange(-a, a, 4, GridConvention::Asymmetric).zeroPoint, 8);
}

TEST(IntegerGrid, EmptyRangeIsThatOfMinusOneToOne) {
    for (GridConvention convention : kAll)
        for (int bits = 2; bits <= 8; ++bits) {
            const ScaleZero grid = gridForRange(0, 0, bits, convention);
            const ScaleZero unit = gridForRange(-1, 1, bits, convention);
            EXPECT_EQ(grid.scale, unit.scale);
            EXPECT_EQ(grid.zeroPoint, unit.zeroPoint);
            EXPECT_EQ(roundTrip(0, grid, bits, convention), 0);
            EXPECT_EQ(roundTrip(-0.0f, grid, bits, convention), 0);
        }
}

TEST(IntegerGrid, EveryRangeGivesAUsableGrid) {
    const double ends[] = {0, 1e-45, 1.4e-45, FLT_MIN, 1e-30, 1e-8, 0.1, 1, 65504.0, 1e20, FLT_MAX};
    for (GridConvention convention : kAll)
        for (int bits = 2; bits <= 16; ++bits)
            for (double below : ends)
                for (double above : ends)
                    for (bool asFloat16 : {false, true}) {
                        const ScaleZero grid = gridForRange(-below, above, bits, convention, asFloat16);
                        const CodeRange range = codeRange(bits, convention);
                        EXPECT_TRUE(std::isnormal(grid.scale) && grid.scale > 0);
                        EXPECT_GE(grid.zeroPoint, range.lowest);
                        EXPECT_LE(grid.zeroPoint, range.highest);
                        EXPECT_EQ(roundTrip(0, grid, bits, convention), 0);
                    }
}

TEST(IntegerGrid, ErrorInsideTheRangeIsAtMostHalfAStep) {
    for (GridConvention convention : kAll)
        for (int bits = 2; bits <= 8; ++bits) {
            const ScaleZero grid = gridForRange(-0.8, 1.3, bits, convention);
            const CodeRange range = codeRange(bits, convention);
            for (float value = -0.8f; value <= 1.3f; value += 0.001f) {
                const double code = value / static_cast<double>(grid.scale) + grid.zeroPoint;
                const double half = 0.5 * grid.scale * (1 + 1e-6);
                if (code >= range.lowest - 0.5 && code <= range.highest + 0.5) {
                    EXPECT_LE(std::fabs(roundTrip(value, grid, bits, convention) - value), half);
                }
            }
        }
}

TEST(IntegerGrid, QuantizingTwiceOnOneGridChangesNothing) {
    for (GridConvention convention : kAll)
        for (int bits = 2; bits <= 8; ++bits) {
            const ScaleZero grid = gridForRange(-0.37, 1.91, bits, convention);
            const CodeRange range = codeRange(bits, convention);
            for (std::int32_t code = range.lowest; code <= range.highest; ++code)
                EXPECT_EQ(quantizeValue(dequantizeValue(code, grid), grid, range, RoundingMode::HalfEven),
                          code);
        }
}

TEST(IntegerGrid, ScaleStoredAsFloat16IsExactlyRepresentable) {
    // 1/15 rounds to 0x2C44 = 0.066650390625 in float16.
    const ScaleZero grid = gridForRange(0, 1, 4, GridConvention::Asymmetric, true);
    EXPECT_EQ(grid.scale, 0.066650390625f);
    EXPECT_EQ(gridForRange(0, 1e9, 4, GridConvention::Asymmetric, true).scale, 64992.0f);
    EXPECT_FLOAT_EQ(gridForRange(0, 1e-12, 4, GridConvention::Asymmetric, true).scale, 5.9604645e-8f);
}

} // namespace qs
