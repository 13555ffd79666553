#include "core/metrics/quantization_kernel.h"

#include "tests/support/hessian_fixture.h"

#include <cmath>
#include <gtest/gtest.h>

namespace qs::test {
namespace {

constexpr double kPerToken = CrossQuantizer::kPerToken, kPerChannel = CrossQuantizer::kPerChannel;

MatrixView<const float> view(const RowMajorF &matrix) {
    return {matrix.data(), matrix.rows(), matrix.cols()};
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

std::vector<int> firstRowCodes(const RowMajorF &inputs, double alpha) {
    const CrossQuantizer quantizer(view(inputs), 4, alpha);
    std::vector<int> codes;
    for (std::int64_t channel = 0; channel < inputs.cols(); ++channel)
        codes.push_back(quantizer.code(0, channel));
    return codes;
}

TEST(QuantizationKernel, FixtureAGivesTheNumbersOfTheOracle) {
    const RowMajorF inputs = fixtureInputs();
    struct Case {
        double alpha, proportion, mse;
    };
    for (const Case &expected : {Case{kPerToken, 0.125, 0.013431}, Case{kPerChannel, 0, 0.013099},
                                 Case{0.15, 0, 0.007718}, Case{0.5, 0.03125, 0.007420}}) {
        const QuantizationKernel kernel = quantizationKernel(view(inputs), 4, expected.alpha);
        EXPECT_DOUBLE_EQ(kernel.proportion(), expected.proportion) << expected.alpha;
        EXPECT_NEAR(kernel.mse, expected.mse, 1e-6) << expected.alpha;
    }
    EXPECT_EQ(firstRowCodes(inputs, 0.15), (std::vector<int>{5, 4, 1, 6}));
    EXPECT_EQ(firstRowCodes(inputs, kPerToken), (std::vector<int>{2, 1, 0, 7}));
}

TEST(QuantizationKernel, OutlierChannelsGiveTheNumbersOfTheOracle) {
    const RowMajorF inputs = outlierInputs();
    const QuantizationKernel perToken8 = quantizationKernel(view(inputs), 8, kPerToken);
    const QuantizationKernel cross8 = quantizationKernel(view(inputs), 8, 0.15);
    EXPECT_NEAR(perToken8.proportion(), 0.154, 5e-4);
    EXPECT_NEAR(cross8.proportion(), 0.0145, 5e-5);
    EXPECT_NEAR(perToken8.mse, 0.0197, 1e-4);
    EXPECT_NEAR(cross8.mse, 0.0027, 1e-4);
    EXPECT_NEAR(quantizationKernel(view(inputs), 4, kPerToken).proportion(), 0.891, 5e-4);
    EXPECT_NEAR(quantizationKernel(view(inputs), 4, 0.15).proportion(), 0.248, 5e-4);
}

TEST(QuantizationKernel, MembersAreTheElementsWithinHalfAStep) {
    const RowMajorF inputs = outlierInputs();
    for (double alpha : {kPerToken, 0.15, kPerChannel}) {
        const CrossQuantizer quantizer(view(inputs), 4, alpha);
        const QuantizationKernel kernel = quantizationKernel(view(inputs), 4, alpha);
        for (std::int64_t token = 0; token < inputs.rows(); ++token)
            for (std::int64_t channel = 0; channel < inputs.cols(); ++channel) {
                const bool within = std::abs(static_cast<double>(inputs(token, channel))) <=
                                    quantizer.step(token, channel) / 2;
                ASSERT_EQ(kernel.members[static_cast<std::size_t>(token * inputs.cols() + channel)] == 1,
                          within);
            }
    }
}

TEST(CrossQuantizer, AlphaOneAndZeroArePerTokenAndPerChannel) {
    const RowMajorF inputs = outlierInputs();
    const CrossQuantizer perToken(view(inputs), 8, kPerToken), perChannel(view(inputs), 8, kPerChannel);
    for (std::int64_t token = 0; token < inputs.rows(); ++token)
        EXPECT_NEAR(perToken.step(token, 5), inputs.row(token).cwiseAbs().maxCoeff() / 127.0, 1e-9);
    for (std::int64_t channel = 0; channel < inputs.cols(); ++channel)
        EXPECT_NEAR(perChannel.step(3, channel), inputs.col(channel).cwiseAbs().maxCoeff() / 127.0, 1e-9);
}

TEST(CrossQuantizer, NothingIsClippedAtAnyAlpha) {
    const RowMajorF inputs = outlierInputs();
    for (double alpha : {0.0, 0.15, 0.5, 0.85, 1.0}) {
        const CrossQuantizer quantizer(view(inputs), 4, alpha);
        for (std::int64_t token = 0; token < inputs.rows(); ++token)
            for (std::int64_t channel = 0; channel < inputs.cols(); ++channel)
                ASSERT_LE(std::abs(inputs(token, channel) / quantizer.step(token, channel)), 7.5);
    }
}

TEST(CrossQuantizer, MaximaOfCalibrationClipWhatIsLarger) {
    RowMajorF inputs(1, 2);
    inputs << 4.0f, 1.0f;
    const CrossQuantizer quantizer(view(inputs), {1.0f, 1.0f}, 4, kPerChannel);
    EXPECT_EQ(quantizer.code(0, 0), 7);
    EXPECT_EQ(quantizer.code(0, 1), 7);
}

TEST(QuantizationKernel, ZeroTokensAndChannelsAreMembersUnlessExcluded) {
    RowMajorF inputs(2, 2);
    inputs << 0.0f, 0.0f, 3.0f, 0.0f;
    for (double alpha : {kPerToken, 0.5, kPerChannel}) {
        const QuantizationKernel all = quantizationKernel(view(inputs), 8, alpha);
        EXPECT_EQ(all.members, (std::vector<std::uint8_t>{1, 1, 0, 1}));
        EXPECT_DOUBLE_EQ(all.proportion(), 0.75);
        EXPECT_NEAR(all.mse, 0, 1e-12);
        const QuantizationKernel lost = quantizationKernel(view(inputs), 8, alpha, true);
        EXPECT_EQ(lost.zeros, 3);
        EXPECT_DOUBLE_EQ(lost.proportion(), 0);
    }
}

} // namespace
} // namespace qs::test
