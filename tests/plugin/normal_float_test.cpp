#include "plugins/grid/normal_float.h"

#include "core/numeric/number_format.h"
#include "core/tensor/convert.h"
#include "tests/support/solver_fixture.h"

#include <gmock/gmock.h>

namespace qs::test {
namespace {

NormalFloatResult quantize(const RowMajorF &weights, std::int64_t groupSize,
                           const NormalFloatOptions &options = {}) {
    auto result =
        quantizeNormalFloat(valuesOf(weights), {weights.rows(), weights.cols(), groupSize}, options, {});
    EXPECT_TRUE(result);
    return result ? *result : NormalFloatResult{};
}

double squaredError(const RowMajorF &weights, std::int64_t groupSize, const NormalFloatResult &result,
                    int bits = 4) {
    const Slices slices{weights.rows(), weights.cols(), groupSize};
    const std::vector<float> levels = normalFloatLevels(bits);
    double sum = 0;
    for (std::int64_t i = 0; i < slices.count(); ++i)
        for (std::int64_t k = slices.begin(i); k < slices.begin(i) + slices.size(i); ++k) {
            const auto code = static_cast<std::size_t>(result.codes[static_cast<std::size_t>(k)]);
            const double error =
                weights.data()[k] -
                static_cast<double>(result.scales[static_cast<std::size_t>(i)]) * levels[code];
            sum += error * error;
        }
    return sum;
}

TEST(NormalFloat, LevelsAreThoseOfTheSource) {
    const std::vector<std::vector<float>> expected = {
        {-1, 0, 0.337915f, 1},
        {-1, -0.478629f, -0.217142f, 0, 0.16093f, 0.337915f, 0.562617f, 1},
        {-1, -0.696193f, -0.525073f, -0.394917f, -0.284441f, -0.184773f, -0.09105f, 0, 0.07958f, 0.160930f,
         0.246112f, 0.337915f, 0.440710f, 0.562617f, 0.722957f, 1}};
    for (int bits : {2, 3, 4}) {
        const std::vector<float> levels = normalFloatLevels(bits);
        const auto &wanted = expected[static_cast<std::size_t>(bits - 2)];
        ASSERT_EQ(levels.size(), wanted.size());
        for (std::size_t i = 0; i < levels.size(); ++i)
            EXPECT_NEAR(levels[i], wanted[i], 1e-6) << bits << " bit, level " << i;
    }
}

TEST(NormalFloat, FourBitsAreTheFormatOfTheNumberLine) {
    const auto format = findFormat("nf4");
    ASSERT_TRUE(format);
    const std::vector<float> levels = normalFloatLevels(4);
    ASSERT_EQ((*format)->points.size(), levels.size());
    for (std::size_t i = 0; i < levels.size(); ++i)
        EXPECT_NEAR((*format)->points[i], levels[i], 1e-6);
}

TEST(NormalFloat, LevelsAscendAtEveryWidth) {
    for (int bits = 2; bits <= 8; ++bits) {
        const std::vector<float> levels = normalFloatLevels(bits);
        ASSERT_EQ(levels.size(), std::size_t{1} << bits);
        EXPECT_TRUE(std::is_sorted(levels.begin(), levels.end(), std::less_equal<>()));
        EXPECT_EQ(levels.front(), -1.0f);
        EXPECT_EQ(levels.back(), 1.0f);
        EXPECT_EQ(levels[(std::size_t{1} << (bits - 1)) - 1], 0.0f);
    }
}

TEST(NormalFloat, EveryElementTakesTheNearestLevel) {
    const RowMajorF weights = normalMatrix(5, 40, 3).cast<float>();
    const NormalFloatResult result = quantize(weights, 16);
    const std::vector<float> levels = normalFloatLevels(4);
    const Slices slices{5, 40, 16};
    for (std::int64_t i = 0; i < slices.count(); ++i) {
        const float scale = result.scales[static_cast<std::size_t>(i)];
        float largest = 0;
        for (std::int64_t k = slices.begin(i); k < slices.begin(i) + slices.size(i); ++k) {
            largest = std::max(largest, std::abs(weights.data()[k]));
            const double value = weights.data()[k] / scale;
            const double taken = levels[static_cast<std::size_t>(result.codes[static_cast<std::size_t>(k)])];
            for (float level : levels)
                EXPECT_LE(std::abs(value - taken), std::abs(value - level) + 1e-7);
        }
        EXPECT_EQ(scale, largest);
    }
}

TEST(NormalFloat, SuitsNormalWeightsBetterThanEvenSteps) {
    const RowMajorF weights = normalMatrix(64, 64, 5).cast<float>();
    double even = 0;
    for (Eigen::Index row = 0; row < 64; ++row) {
        const float scale = weights.row(row).cwiseAbs().maxCoeff() / 7;
        for (float value : weights.row(row))
            even += std::pow(value - scale * std::nearbyint(value / scale), 2);
    }
    EXPECT_LT(squaredError(weights, 64, quantize(weights, 64)), 0.9 * even);
}

TEST(NormalFloat, DoubleQuantizationCostsTheBitsOfTheSource) {
    NormalFloatOptions options;
    options.doubleQuantization = true;
    const RowMajorF weights = normalMatrix(64, 512, 6).cast<float>();
    const NormalFloatResult result = quantize(weights, 64, options);
    EXPECT_NEAR(4 + result.scaleBits / 64, 4.12695, 1e-5);
    const NormalFloatResult plain = quantize(weights, 64);
    // Scales lie on 256 steps between the smallest and the largest of their 256 slices.
    const auto [lo, hi] = std::minmax_element(plain.scales.begin(), plain.scales.end());
    for (std::size_t i = 0; i < plain.scales.size(); ++i)
        EXPECT_LE(std::abs(result.scales[i] - plain.scales[i]), 0.51 * (*hi - *lo) / 255);
    EXPECT_NE(result.scales, plain.scales);
    EXPECT_LT(squaredError(weights, 64, result), 1.02 * squaredError(weights, 64, plain));
}

TEST(NormalFloat, OddSlicesStayWhatTheyAre) {
    RowMajorF weights(4, 4);
    weights << 0, 0, 0, 0, -0.75f, -0.75f, -0.75f, -0.75f, 1e-41f, 1e-41f, 0, 0, 1e20f, -1e20f, 0, 0;
    for (bool twice : {false, true}) {
        NormalFloatOptions options;
        options.doubleQuantization = twice;
        const NormalFloatResult result = quantize(weights, 4, options);
        for (float scale : result.scales)
            EXPECT_TRUE(std::isfinite(scale) && scale > 0);
        EXPECT_EQ(result.codes[0], 7); // the level 0
        EXPECT_EQ(result.codes[12], 15);
        EXPECT_EQ(result.codes[13], 0);
    }
    EXPECT_EQ(quantize(weights, 4).codes[4], 0);
}

TEST(NormalFloat, Float16ScalesAreStorable) {
    NormalFloatOptions options;
    options.float16Scales = true;
    const NormalFloatResult result = quantize(normalMatrix(8, 64, 5).cast<float>(), 16, options);
    EXPECT_EQ(result.scaleBits, 16);
    for (float scale : result.scales)
        EXPECT_EQ(float16ToFloat(floatToFloat16(scale)), scale);
}

} // namespace
} // namespace qs::test
