#include "core/metrics/quantization_kernel.h"

#include "core/quant/token_grid.h"
#include "tests/support/hessian_fixture.h"

#include <cmath>
#include <gtest/gtest.h>

namespace qs::test {
namespace {

constexpr double kPerToken = 1, kPerChannel = 0;

Tensor tensorOf(const RowMajorF &matrix) {
    Tensor tensor = Tensor::allocate(DType::Float32, Shape{matrix.rows(), matrix.cols()});
    std::copy(matrix.data(), matrix.data() + matrix.size(), tensor.mutableValues<float>().begin());
    return tensor;
}

GridScheme bits(int count) {
    return {count, GridConvention::SymmetricRestricted, {}, RoundingMode::HalfEven};
}

RowMajorF fixtureInputs() {
    RowMajorF inputs(8, 4);
    inputs << 1.0f, 0.8f, 0.1f, 4.0f, 0.9f, 1.1f, -0.2f, 3.5f, -1.2f, -0.9f, 0.3f, -5.0f, 0.4f, 0.2f, 0.6f,
        1.0f, -0.3f, -0.6f, 0.5f, -2.0f, 0.7f, 0.9f, -0.4f, 2.5f, -0.8f, -1.0f, 0.2f, -3.0f, 0.2f, 0.1f, 0.9f,
        0.5f;
    return inputs;
}

/// 256 tokens, 64 channels, two of them large.
RowMajorF outlierInputs() {
    RowMajorF inputs = normalMatrix(256, 64, 21).cast<float>();
    inputs.col(7) *= 60.0f;
    inputs.col(40) *= 30.0f;
    return inputs;
}

double stepOf(const RowMajorF &inputs, Eigen::Index token, Eigen::Index channel, double alpha, int count) {
    return std::pow(inputs.row(token).cwiseAbs().maxCoeff(), alpha) *
           std::pow(inputs.col(channel).cwiseAbs().maxCoeff(), 1 - alpha) / ((1 << (count - 1)) - 1);
}

std::vector<int> firstRowCodes(const RowMajorF &inputs, double alpha) {
    const Tensor rounded = crossQuantize(tensorOf(inputs), alpha, bits(4), false);
    std::vector<int> codes;
    for (Eigen::Index channel = 0; channel < inputs.cols(); ++channel)
        codes.push_back(
            static_cast<int>(std::lround(rounded.values<float>()[static_cast<std::size_t>(channel)] /
                                         stepOf(inputs, 0, channel, alpha, 4))));
    return codes;
}

TEST(QuantizationKernel, FixtureAGivesTheNumbersOfTheOracle) {
    const RowMajorF inputs = fixtureInputs();
    struct Case {
        double alpha, proportion, mse;
    };
    for (const Case &expected : {Case{kPerToken, 0.125, 0.013431}, Case{kPerChannel, 0, 0.013099},
                                 Case{0.15, 0, 0.007718}, Case{0.5, 0.03125, 0.007420}}) {
        const QuantizationKernel kernel =
            quantizationKernel(tensorOf(inputs), expected.alpha, bits(4), false);
        EXPECT_DOUBLE_EQ(kernel.proportion(), expected.proportion) << expected.alpha;
        EXPECT_NEAR(kernel.mse, expected.mse, 1e-6) << expected.alpha;
    }
    EXPECT_EQ(firstRowCodes(inputs, 0.15), (std::vector<int>{5, 4, 1, 6}));
    EXPECT_EQ(firstRowCodes(inputs, kPerToken), (std::vector<int>{2, 1, 0, 7}));
}

TEST(QuantizationKernel, OutlierChannelsGiveTheNumbersOfTheOracle) {
    const Tensor inputs = tensorOf(outlierInputs());
    const QuantizationKernel perToken8 = quantizationKernel(inputs, kPerToken, bits(8), false);
    const QuantizationKernel cross8 = quantizationKernel(inputs, 0.15, bits(8), false);
    EXPECT_NEAR(perToken8.proportion(), 0.154, 5e-4);
    EXPECT_NEAR(cross8.proportion(), 0.0145, 5e-5);
    EXPECT_NEAR(perToken8.mse, 0.0197, 1e-4);
    EXPECT_NEAR(cross8.mse, 0.0027, 1e-4);
    EXPECT_NEAR(quantizationKernel(inputs, kPerToken, bits(4), false).proportion(), 0.891, 5e-4);
    EXPECT_NEAR(quantizationKernel(inputs, 0.15, bits(4), false).proportion(), 0.248, 5e-4);
}

TEST(QuantizationKernel, MembersAreTheElementsWithinHalfAStep) {
    const RowMajorF inputs = outlierInputs();
    for (double alpha : {kPerToken, 0.15, kPerChannel}) {
        const QuantizationKernel kernel = quantizationKernel(tensorOf(inputs), alpha, bits(4), false);
        for (Eigen::Index token = 0; token < inputs.rows(); ++token)
            for (Eigen::Index channel = 0; channel < inputs.cols(); ++channel) {
                const double steps =
                    std::abs(inputs(token, channel)) / stepOf(inputs, token, channel, alpha, 4);
                ASSERT_EQ(kernel.members[static_cast<std::size_t>(token * inputs.cols() + channel)] == 1,
                          steps <= 0.5)
                    << steps;
                // Nothing is clipped, at any alpha.
                ASSERT_LE(steps, 7.0001);
            }
    }
}

TEST(QuantizationKernel, ZeroTokensAndChannelsAreMembersUnlessExcluded) {
    RowMajorF inputs(2, 2);
    inputs << 0.0f, 0.0f, 3.0f, 0.0f;
    for (double alpha : {kPerToken, 0.5, kPerChannel}) {
        const QuantizationKernel all = quantizationKernel(tensorOf(inputs), alpha, bits(8), false);
        EXPECT_EQ(all.members, (std::vector<std::uint8_t>{1, 1, 0, 1}));
        EXPECT_DOUBLE_EQ(all.proportion(), 0.75);
        EXPECT_NEAR(all.mse, 0, 1e-12);
        const QuantizationKernel lost = quantizationKernel(tensorOf(inputs), alpha, bits(8), false, true);
        EXPECT_EQ(lost.zeros, 3);
        EXPECT_DOUBLE_EQ(lost.proportion(), 0);
    }
}

TEST(QuantizationKernel, ChannelsOfConvolutionsLieOnTheSecondAxis) {
    // Two channels of two pixels: as tokens of two channels, transposed.
    Tensor image = Tensor::allocate(DType::Float32, Shape{1, 2, 2});
    const float values[] = {100.0f, 80.0f, 0.5f, 0.7f};
    std::copy(std::begin(values), std::end(values), image.mutableValues<float>().begin());
    EXPECT_EQ(quantizationKernel(image, kPerToken, bits(4), true).members,
              (std::vector<std::uint8_t>{0, 0, 1, 1}));
    EXPECT_EQ(quantizationKernel(image, kPerChannel, bits(4), true).count, 0);
}

} // namespace
} // namespace qs::test
