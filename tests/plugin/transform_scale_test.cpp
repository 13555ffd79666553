#include "plugins/transform/dilation_scale.h"
#include "plugins/transform/equalization_scale.h"
#include "plugins/transform/site_error.h"
#include "plugins/transform/smooth_scale.h"
#include "tests/plugin/transform_site.h"

#include <gtest/gtest.h>

namespace qs::test {
namespace {

void expectNear(const std::vector<float> &values, const std::vector<double> &expected, double tolerance) {
    ASSERT_EQ(values.size(), expected.size());
    for (std::size_t index = 0; index < values.size(); ++index)
        EXPECT_NEAR(values[index], expected[index], tolerance) << index;
}

ChannelChange withoutShift(std::vector<float> scale) {
    ChannelChange change = ChannelChange::none(static_cast<std::int64_t>(scale.size()));
    change.scale = std::move(scale);
    return change;
}

ChannelChange smoothed(const SiteData &site, double alpha) {
    return withoutShift(smoothScale(inputMagnitude(site), weightMagnitude(site), alpha));
}

std::vector<double> maximaAfter(const SiteData &site, const ChannelChange &change) {
    std::vector<double> maxima;
    const std::vector<float> magnitude = inputMagnitude(site);
    for (std::size_t channel = 0; channel < magnitude.size(); ++channel)
        maxima.push_back(static_cast<double>(magnitude[channel]) / change.scale[channel]);
    return maxima;
}

TEST(SmoothScale, FixtureAGivesTheScalesOfTheOracle) {
    const SiteFixture fixture(inputsA(), weightsA());
    const ChannelChange change = smoothed(fixture.site, 0.5);
    expectNear(change.scale, {1.154701, 1.414214, 0.904534, 2.041241}, 1e-6);
    expectNear(toFloats(maximaAfter(fixture.site, change)), {1.03923, 0.777817, 0.994987, 2.44949}, 1e-5);
    EXPECT_LT(outputChange(inputsA(), weightsA(), change), 1e-12);
}

TEST(SmoothScale, HalfMakesBothMaximaEqualAndTheEndsMakeThemOne) {
    const SiteFixture fixture(inputsB(), weightsB());
    const std::vector<float> weights = weightMagnitude(fixture.site);
    const ChannelChange half = smoothed(fixture.site, 0.5), one = smoothed(fixture.site, 1),
                        zero = smoothed(fixture.site, 0);
    for (std::size_t channel = 0; channel < weights.size(); ++channel) {
        EXPECT_NEAR(maximaAfter(fixture.site, half)[channel], weights[channel] * half.scale[channel], 1e-5);
        EXPECT_NEAR(maximaAfter(fixture.site, one)[channel], 1, 1e-6);
        EXPECT_NEAR(weights[channel] * zero.scale[channel], 1, 1e-6);
    }
}

TEST(SmoothScale, DeadChannelsKeepOne) {
    EXPECT_EQ(smoothScale(std::vector{0.0f, 1e-9f, 4.0f}, std::vector{1.0f, 1.0f, 1.0f}, 0.5),
              (std::vector{1.0f, 1.0f, 2.0f}));
    EXPECT_EQ(activationAwareScale(std::vector{0.0f, 4.0f, 1.0f}, 0.5),
              (std::vector{1.0f, std::sqrt(2.0f), 1 / std::sqrt(2.0f)}));
    EXPECT_EQ(crossQuantScale(std::vector{0.0f, 4.0f}, 0.5), (std::vector{1.0f, 2.0f}));
}

TEST(OutlierScale, ScalesOutlierChannelsAlone) {
    const std::vector<float> inputs{0.1f, 0.12f, 0.15f, 0.18f, 0.2f, 0.2f, 0.25f, 0.3f, 0.9f, 2.5f, 3.6f};
    const std::vector<float> scale = outlierScale(inputs, 1);
    for (std::size_t channel = 0; channel < 9; ++channel)
        EXPECT_EQ(scale[channel], 1.0f);
    EXPECT_NEAR(scale[9], std::sqrt(2.5 / 0.9), 1e-6);
    EXPECT_NEAR(scale[10], 2, 1e-6); // sqrt(3.6 / 0.9)
    // Without outliers nothing is done.
    EXPECT_EQ(outlierScale(std::vector{0.1f, 0.2f, 0.3f, 0.4f}, 1), std::vector<float>(4, 1.0f));
}

/// The error with the input 2.5 of fixture A moved by a millionth: it lies on a tie of the activation grid
/// (63.5 steps at 8 bit), and which side the oracle took hangs on the last bit of its arithmetic.
double nudgedError(int bits, bool smooth, double nudge) {
    RowMajorD inputs = inputsA();
    inputs(5, 3) *= 1 + nudge;
    SiteFixture fixture(inputs, weightsA());
    fixture.site.activationConvention = GridConvention::SymmetricRestricted;
    fixture.setBits(bits, bits);
    return *siteOutputError(fixture.site, smooth ? smoothed(fixture.site, 0.5) : ChannelChange::none(4),
                            fixture.services(GridConvention::SymmetricRestricted));
}

void expectOneSideNear(int bits, bool smooth, double expected) {
    const double below = nudgedError(bits, smooth, -1e-6), above = nudgedError(bits, smooth, 1e-6);
    EXPECT_LT(std::min(std::abs(below - expected), std::abs(above - expected)), 1e-4 * expected)
        << below << " or " << above;
}

TEST(SiteOutputError, FixtureAGivesTheErrorsOfTheOracle) {
    expectOneSideNear(8, false, 2.977785e-4);
    expectOneSideNear(8, true, 1.625269e-4);
    expectOneSideNear(4, false, 0.0919142);
    expectOneSideNear(4, true, 0.0348710);
}

TEST(SiteOutputError, FixtureBWithAnOutlierChannelFollowsAlphaAsTheOracle) {
    RowMajorD inputs = inputsB();
    inputs.col(5) *= 60;
    SiteFixture fixture(inputs, weightsB());
    fixture.site.activationConvention = GridConvention::SymmetricRestricted;
    const TransformServices services = fixture.services(GridConvention::SymmetricRestricted);
    EXPECT_NEAR(*siteOutputError(fixture.site, ChannelChange::none(48), services), 33.86, 0.02);
    const std::vector<std::pair<double, double>> expected = {
        {0, 45.6}, {0.25, 6.13}, {0.5, 1.444}, {0.75, 1.208}, {1, 3.86}};
    for (const auto &[alpha, error] : expected)
        EXPECT_NEAR(*siteOutputError(fixture.site, smoothed(fixture.site, alpha), services), error,
                    2e-3 * error)
            << alpha;
    const std::vector<double> ratios = {0, 0.25, 0.5, 0.75, 1};
    const auto search = searchChange(
        48, ratios, [&](double alpha) { return smoothed(fixture.site, alpha); },
        [&](const ChannelChange &change) { return siteOutputError(fixture.site, change, services); },
        services);
    ASSERT_TRUE(search);
    EXPECT_EQ(search->ratio, 0.75);
    EXPECT_NEAR(search->unchangedError, 33.86, 0.02);
}

TEST(SiteOutputError, FloatReadersHaveNoErrorWhateverTheChange) {
    SiteFixture fixture(inputsB(), weightsB());
    fixture.setBits(0, 0);
    ChannelChange change = smoothed(fixture.site, 0.7);
    change.shift = centreShift(fixture.site.minimum, fixture.site.maximum);
    EXPECT_LT(*siteOutputError(fixture.site, change, fixture.services()), 1e-9);
    EXPECT_EQ(*weightOutputError(fixture.site, change.scale, fixture.services()), 0.0);
}

TEST(SiteOutputError, ThreadsDoNotChangeTheResult) {
    SiteFixture fixture(inputsB(), weightsB());
    TransformServices one = fixture.services(), two = fixture.services();
    one.maxThreads = 1;
    two.maxThreads = 2;
    const ChannelChange change = smoothed(fixture.site, 0.5);
    EXPECT_EQ(*siteOutputError(fixture.site, change, one), *siteOutputError(fixture.site, change, two));
    EXPECT_EQ(*weightOutputError(fixture.site, change.scale, one),
              *weightOutputError(fixture.site, change.scale, two));
}

TEST(SiteOutputError, CancelEndsTheSearch) {
    SiteFixture fixture(inputsB(), weightsB());
    TransformServices services = fixture.services();
    services.cancelled = [] { return true; };
    const auto error = siteOutputError(fixture.site, ChannelChange::none(48), services);
    ASSERT_FALSE(error);
    EXPECT_EQ(error.error().code, ErrorCode::Cancelled);
}

TEST(CentreShift, FixtureAMovedOffCentreGivesTheShiftOfTheOracle) {
    RowMajorD inputs = inputsA();
    inputs.rowwise() += Eigen::RowVector4d(6, -4, 0, 0);
    const SiteFixture fixture(inputs, weightsA());
    ChannelChange change = ChannelChange::none(4);
    change.shift = centreShift(fixture.site.minimum, fixture.site.maximum);
    expectNear(change.shift, {5.9, -3.95, 0.25, -0.5}, 1e-6);
    const std::vector<float> magnitude = centredMagnitude(fixture.site.minimum, fixture.site.maximum);
    EXPECT_NEAR(2 * *std::max_element(magnitude.begin(), magnitude.end()), 9, 1e-5);
    change.scale = smoothScale(magnitude, weightMagnitude(fixture.site), 0.5);
    EXPECT_LT(outputChange(inputs, weightsA(), change), 1e-12);
    const Eigen::Vector4d shift(5.9, -3.95, 0.25, -0.5);
    const Eigen::Vector2d bias = weightsA() * shift;
    EXPECT_NEAR(bias[0], 6.365, 1e-9);
    EXPECT_NEAR(bias[1], -6.6525, 1e-9);
    // What makes it worth it: a static grid over an off-centre site wastes codes.
    const TransformServices services = fixture.services();
    EXPECT_LT(*siteOutputError(fixture.site, change, services),
              *siteOutputError(fixture.site, ChannelChange::none(4), services));
}

ChangeSearch searchAware(const SiteFixture &fixture) {
    std::vector<double> ratios;
    for (int step = 1; step < 20; ++step)
        ratios.push_back(step / 20.0);
    const TransformServices services = fixture.services();
    return *searchChange(
        fixture.site.channels, ratios,
        [&](double ratio) { return withoutShift(activationAwareScale(fixture.site.meanMagnitude, ratio)); },
        [&](const ChannelChange &change) { return weightOutputError(fixture.site, change.scale, services); },
        services);
}

TEST(ActivationAwareScale, FixtureAGivesTheRatiosAndLossesOfTheOracle) {
    SiteFixture fixture(inputsA(), weightsA());
    expectNear({fixture.site.meanMagnitude.begin(), fixture.site.meanMagnitude.end()},
               {0.6875, 0.7, 0.4, 2.6875}, 1e-6);
    struct Case {
        int bits;
        double ratio, loss, unchanged;
    };
    for (const Case &expected : {Case{2, 0.10, 0.141232, 0.150898}, Case{3, 0.45, 0.005720, 0.041550},
                                 Case{4, 0.20, 0.001029, 0.013898}}) {
        fixture.setBits(expected.bits, 0);
        const ChangeSearch search = searchAware(fixture);
        ASSERT_TRUE(search.ratio) << expected.bits;
        EXPECT_NEAR(*search.ratio, expected.ratio, 1e-12);
        EXPECT_NEAR(search.error, expected.loss, 1e-6);
        EXPECT_NEAR(search.unchangedError, expected.unchanged, 1e-6);
        if (expected.bits == 3)
            expectNear(search.change.scale, {0.8312, 0.8380, 0.6514, 1.5351}, 1e-4);
    }
}

TEST(ActivationAwareScale, FixtureBWithUnequalChannelsGivesTheLossOfTheOracle) {
    RowMajorD inputs = inputsB();
    for (Eigen::Index channel = 0; channel < 48; ++channel)
        inputs.col(channel) *= 0.2 + 4.8 * static_cast<double>(channel) / 47;
    SiteFixture fixture(inputs, weightsB());
    fixture.setBits(3, 0);
    const ChangeSearch search = searchAware(fixture);
    EXPECT_NEAR(search.ratio.value_or(0), 0.1, 1e-12);
    EXPECT_NEAR(search.error, 58.4479, 58e-3);
    EXPECT_NEAR(search.unchangedError, 64.9018, 65e-3);
}

TEST(ActivationAwareScale, SeveralReadersShareTheLoss) {
    SiteFixture one(inputsB(), weightsB()), two(inputsB(), weightsB().topRows(4));
    two.addReader(weightsB().bottomRows(12), 3, 0);
    one.setBits(3, 0);
    two.setBits(3, 0);
    const ChangeSearch first = searchAware(one), second = searchAware(two);
    EXPECT_EQ(first.ratio, second.ratio);
    EXPECT_NEAR(first.error, second.error, 1e-6 * first.error);
}

TEST(DilationScale, FixtureAGivesTheScalesOfTheOracle) {
    const SiteFixture fixture(inputsA(), weightsA());
    const DilationScale dilation = dilationScale(fixture.site, 8);
    EXPECT_EQ(dilation.saturated, 3);
    expectNear(dilation.scale, {4.0 / 3, 1, 1, 1}, 1e-6);
    EXPECT_NEAR(maximaAfter(fixture.site, withoutShift(dilation.scale))[0], 0.9, 1e-6);
}

TEST(DilationScale, FixtureBKeepsEveryRangeExactly) {
    const SiteFixture fixture(inputsB(), weightsB());
    const DilationScale dilation = dilationScale(fixture.site, 8);
    EXPECT_EQ(dilation.saturated, 24);
    const auto [least, largest] = std::minmax_element(dilation.scale.begin(), dilation.scale.end());
    EXPECT_EQ(*least, 1.0f);
    EXPECT_NEAR(*largest, 1.945, 1e-3);
    const SiteReader &reader = fixture.site.readers[0];
    const std::vector<float> scaled = scaledWeights(reader, dilation.scale);
    for (std::int64_t row = 0; row < 16; ++row) {
        const auto before = reader.weights.row(row);
        const auto after = std::span<const float>(scaled).subspan(static_cast<std::size_t>(row) * 48, 48);
        EXPECT_EQ(*std::max_element(before.begin(), before.end()),
                  *std::max_element(after.begin(), after.end()));
        EXPECT_EQ(*std::min_element(before.begin(), before.end()),
                  *std::min_element(after.begin(), after.end()));
    }
    EXPECT_LT(outputChange(inputsB(), weightsB(), withoutShift(dilation.scale)), 1e-12);
}

TEST(DilationScale, GroupsGiveEachSliceItsOwnBounds) {
    SiteFixture fixture(inputsB(), weightsB());
    fixture.site.readers[0].groupSize = 16;
    const DilationScale grouped = dilationScale(fixture.site, 8);
    fixture.site.readers[0].groupSize = 0;
    const DilationScale rows = dilationScale(fixture.site, 8);
    EXPECT_GT(grouped.saturated, rows.saturated);
    for (std::size_t channel = 0; channel < 48; ++channel)
        EXPECT_LE(grouped.scale[channel], rows.scale[channel]);
}

TEST(DilationScale, AllTapsOfAChannelCount) {
    RowMajorD weights(1, 6); // 3 channels, 2 taps
    weights << 1, 4, -2, 0.5, 0.5, -1;
    SiteFixture fixture(RowMajorD::Ones(2, 3), RowMajorD::Ones(1, 3));
    fixture.site.readers.clear();
    SiteReader &reader = fixture.addReader(weights, 8, 8, 2);
    expectNear(dilationScale(fixture.site, 8).scale, {1, 1, 2}, 1e-6);
    reader.depthwise = true;
    expectNear(dilationScale(fixture.site, 8).scale, {1, 1, 1}, 0);
}

TEST(DilationScale, ChannelsWithoutWeightsGetTheCap) {
    RowMajorD weights(2, 3);
    weights << 1, 0, -1, 2, 0, -3;
    const SiteFixture fixture(RowMajorD::Ones(2, 3), weights);
    expectNear(dilationScale(fixture.site, 8).scale, {1, 8, 1}, 0);
    const SiteFixture silent(RowMajorD::Ones(2, 3), RowMajorD::Zero(2, 3));
    expectNear(dilationScale(silent.site, 2).scale, {2, 2, 2}, 0);
}

TEST(EqualizationScale, TheWorkedExampleGivesItsNumbers) {
    RowMajorF producer(2, 2);
    producer << 4.0f, 2.0f, 0.1f, -0.2f;
    RowMajorD reader(2, 2);
    reader << 0.5, 3, -0.25, 1;
    const SiteFixture fixture(RowMajorD::Ones(2, 2), reader);
    const std::vector<float> scale = equalizationScale(fixture.site, {producer.data(), 2, 2}, true);
    expectNear(scale, {2.828427, 0.258199}, 1e-6);
    EXPECT_NEAR(4 / scale[0], 1.414214, 1e-6);
    EXPECT_NEAR(-0.2 / scale[1], -0.774597, 1e-6);
    EXPECT_NEAR(0.05 / scale[1], 0.193649, 1e-6);
    EXPECT_NEAR(3 * scale[1], 0.774597, 1e-6);
}

TEST(EqualizationScale, RangesAreEqualAfterwardsAndASecondPassDoesNothing) {
    const RowMajorD second = normalMatrix(9, 12, 3);
    for (bool symmetric : {true, false}) {
        RowMajorF producer = normalMatrix(12, 7, 4).cast<float>();
        for (Eigen::Index row = 0; row < 12; ++row)
            producer.row(row) *= static_cast<float>(1 << (row % 6));
        const SiteFixture before(RowMajorD::Ones(2, 12), second);
        const std::vector<float> scale = equalizationScale(before.site, {producer.data(), 12, 7}, symmetric);
        RowMajorD reader = second;
        for (Eigen::Index channel = 0; channel < 12; ++channel) {
            producer.row(channel) /= scale[static_cast<std::size_t>(channel)];
            reader.col(channel) *= scale[static_cast<std::size_t>(channel)];
            auto width = [&](const auto &values) -> double {
                return symmetric ? values.cwiseAbs().maxCoeff() : values.maxCoeff() - values.minCoeff();
            };
            EXPECT_NEAR(width(producer.row(channel)), width(reader.col(channel)), 1e-5);
        }
        const SiteFixture after(RowMajorD::Ones(2, 12), reader);
        expectNear(equalizationScale(after.site, {producer.data(), 12, 7}, symmetric),
                   std::vector<double>(12, 1.0), 1e-6);
    }
}

TEST(EqualizationScale, ChannelsWithoutRangeKeepOneAndExtremesAreClipped) {
    RowMajorF producer(3, 1);
    producer << 0.0f, 1e20f, 1.0f;
    RowMajorD reader(1, 3);
    reader << 1, 1e-20, 0;
    const SiteFixture fixture(RowMajorD::Ones(2, 3), reader);
    expectNear(equalizationScale(fixture.site, {producer.data(), 3, 1}, true), {1, 1e8, 1}, 1);
}

} // namespace
} // namespace qs::test
