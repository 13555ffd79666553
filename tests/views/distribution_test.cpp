#include "tests/views/chart_fixtures.h"
#include "views/distribution/distribution_data.h"

#include "core/base/random.h"

#include <gmock/gmock.h>
#include <numeric>

namespace qs::views {
namespace {

using Source = DistributionRequest::Source;
using Range = DistributionRequest::Range;

TEST(BinnedValues, SpreadingKeepsTheCount) {
    BinnedValues bins = BinnedValues::empty(0, 10, 5);
    bins.spread(-1, 1, 4); // half of it outside
    bins.spread(3, 9, 6);
    bins.spread(9.5, 12, 5);
    EXPECT_NEAR(bins.below, 2, 1e-12);
    EXPECT_NEAR(bins.above, 4, 1e-12);
    EXPECT_NEAR(bins.inside() + bins.below + bins.above, 15, 1e-12);
    EXPECT_NEAR(bins.counts[0], 2, 1e-12);
    EXPECT_NEAR(bins.counts[1], 1, 1e-12);
    EXPECT_NEAR(bins.counts[2], 2, 1e-12);
}

TEST(BinnedValues, UpperLimitBelongsToTheLastBin) {
    BinnedValues bins = BinnedValues::empty(-0.3, 0.7, 7);
    EXPECT_EQ(bins.binOf(0.7), 6);
    EXPECT_EQ(bins.binOf(-0.3), 0);
    EXPECT_EQ(bins.binOf(0.71), -1);
    EXPECT_EQ(bins.binOf(NAN), -1);
    EXPECT_GT(BinnedValues::empty(3, 3, 4).width, 0);
}

TEST(BinnedValues, RebinningKeepsTheTotal) {
    Histogram source(0, 8, 2048);
    std::vector<float> values(5000);
    Random random(1);
    for (float &value : values)
        value = static_cast<float>(8 * random.uniform());
    source.add(values);
    const BinnedValues bins = rebinned(source, 1, 3, 37);
    EXPECT_NEAR(bins.inside() + bins.below + bins.above, 5000, 1e-6);
    const auto inside = std::count_if(values.begin(), values.end(), [](float v) { return v >= 1 && v < 3; });
    EXPECT_NEAR(bins.inside(), static_cast<double>(inside), 10);
}

TEST(CentralRange, HugeOutliersDoNotDecideItsResolution) {
    std::vector<float> values(100000);
    Random random(2);
    for (float &value : values)
        value = static_cast<float>(random.normal());
    values[500] = 1e7f;
    const ValueRange range = *centralRange(values, -5, 1e7, 0.999, {});
    EXPECT_NEAR(range.lo, -3.29, 0.25); // 0.05 % quantile of a normal distribution
    EXPECT_NEAR(range.hi, 3.29, 0.25);
}

DistributionRequest weightRequest() {
    DistributionRequest request;
    request.model = twoLayerModel();
    request.layer = 0;
    request.bins = 16;
    return request;
}

WeightChoice choice(int bits, Granularity granularity) {
    WeightChoice result;
    result.scheme.grid.bits = bits;
    result.scheme.grid.convention = GridConvention::Asymmetric;
    result.scheme.granularity = granularity;
    return result;
}

TEST(Distribution, WeightOfAllChannelsIsBinnedWhole) {
    const auto data = *prepareDistribution(weightRequest(), {});
    EXPECT_EQ(data->stats.count, 12);
    EXPECT_DOUBLE_EQ(data->values.inside(), 12);
    EXPECT_DOUBLE_EQ(data->stats.max, 11);
    EXPECT_FALSE(data->quantized);
    EXPECT_THAT(data->notes, testing::Contains(testing::HasSubstr("float")));
}

TEST(Distribution, PreviewOfOneChannelHasItsGrid) {
    DistributionRequest request = weightRequest();
    request.choice.weight = choice(2, Granularity::PerChannel);
    request.channel = 1; // 1, 4, 7, 10: the range is widened to hold 0, so scale 10/3
    const auto data = *prepareDistribution(request, {});
    EXPECT_EQ(data->stats.count, 4);
    ASSERT_EQ(data->grid.values.size(), 4u);
    EXPECT_NEAR(data->grid.values[1], 10.0 / 3, 1e-6);
    EXPECT_NEAR(data->grid.reach->hi, 10, 1e-6);
    EXPECT_EQ(data->grid.firstCode, 0);
    const double expected = (1 + std::pow(4 - 10.0 / 3, 2) + std::pow(7 - 20.0 / 3, 2)) / 4;
    EXPECT_NEAR(data->error->mse(), expected, 1e-6);
    EXPECT_FALSE(data->errorIsApproximate);
    EXPECT_DOUBLE_EQ(*data->clippedShare, 0);
    EXPECT_DOUBLE_EQ(data->quantized->inside(), 4);
}

TEST(Distribution, ManyGridsAreCountedNotDrawn) {
    DistributionRequest request = weightRequest();
    request.choice.weight = choice(4, Granularity::PerChannel);
    const auto data = *prepareDistribution(request, {});
    EXPECT_EQ(data->grid.grids, 3);
    EXPECT_TRUE(data->grid.values.empty());
    EXPECT_FALSE(data->grid.reach);
    request.choice.weight = choice(4, Granularity::PerTensor);
    EXPECT_EQ((*prepareDistribution(request, {}))->grid.values.size(), 16u);
}

TEST(Distribution, RunBeatsPreviewAndClippingIsCounted) {
    DistributionRequest request = weightRequest();
    auto matrix = std::make_shared<QuantizedMatrix>();
    matrix->rows = 3;
    matrix->cols = 4;
    matrix->bits = 2;
    matrix->convention = GridConvention::Asymmetric;
    matrix->layout = {Granularity::PerTensor, 3, 4, 0};
    matrix->codes.assign(12, 3);
    matrix->scales = {1.0f};
    matrix->zeroPoints = {0};
    auto result = std::make_shared<LayerResult>();
    result->state = LayerResult::State::Quantized;
    result->choice.weight = choice(2, Granularity::PerTensor);
    result->choice.weight->method = "gptq";
    result->quantized.weight = matrix;
    request.result = result;
    request.choice.weight = choice(8, Granularity::PerTensor);
    const auto data = *prepareDistribution(request, {});
    EXPECT_THAT(data->quantizedName, testing::HasSubstr("gptq"));
    EXPECT_THAT(data->quantizedName, testing::HasSubstr("2 bit"));
    EXPECT_DOUBLE_EQ(*data->clippedShare, 8.0 / 12); // 4..11 round beyond code 3
}

TEST(Distribution, NonFiniteWeightsAreToldNotBinned) {
    DistributionRequest request = weightRequest();
    request.model = twoLayerModel({0, 1, 2, 3, NAN, 5, 6, 7, INFINITY, 9, 10, 11});
    request.choice.weight = choice(4, Granularity::PerTensor);
    const auto data = *prepareDistribution(request, {});
    EXPECT_EQ(data->stats.count, 10);
    EXPECT_DOUBLE_EQ(data->values.inside(), 10);
    EXPECT_FALSE(data->quantized);
    EXPECT_THAT(data->notes, testing::Contains(testing::HasSubstr("2 NaN or Inf")));
    EXPECT_THAT(data->notes, testing::Contains(testing::HasSubstr("No preview")));
}

DistributionRequest activationRequest() {
    DistributionRequest request = weightRequest();
    request.source = Source::Activation;
    std::vector<float> values(4000);
    Random random(5);
    for (float &value : values)
        value = static_cast<float>(random.normal());
    request.capture = captureOf(0, 1000, 4, values);
    request.choice.activation = ActivationChoice{};
    request.bins = 128;
    return request;
}

TEST(Distribution, ActivationFromHistogramIsMarkedApproximate) {
    const DistributionRequest request = activationRequest();
    const auto data = *prepareDistribution(request, {});
    EXPECT_NEAR(data->values.inside(), 4000, 1e-6);
    EXPECT_NEAR(data->quantized->inside() + data->quantized->below + data->quantized->above, 4000, 1e-9);
    EXPECT_TRUE(data->errorIsApproximate);
    EXPECT_EQ(data->grid.values.size(), 256u);
    // Uniform rounding noise of the step, to within what 2048 bins can tell.
    const double step = data->grid.values[1] - data->grid.values[0];
    EXPECT_NEAR(data->error->mse(), step * step / 12, 0.15 * step * step / 12);
    EXPECT_THAT(data->notes, testing::Contains(testing::HasSubstr("2048 bins")));
}

TEST(Distribution, OneActivationChannelIsFromTheSample) {
    DistributionRequest request = activationRequest();
    request.channel = 2;
    const auto data = *prepareDistribution(request, {});
    EXPECT_EQ(data->stats.count, 1000);
    EXPECT_FALSE(data->errorIsApproximate);
    EXPECT_THAT(data->notes, testing::Contains(testing::HasSubstr("first 1000 of 1000 tokens")));
}

TEST(Distribution, SaysWhatIsMissing) {
    DistributionRequest request;
    EXPECT_THAT(request.whyNothing(), testing::HasSubstr("No model"));
    request.model = twoLayerModel();
    EXPECT_THAT(request.whyNothing(), testing::HasSubstr("No layer"));
    request.layer = 0;
    EXPECT_EQ(request.whyNothing(), "");
    request.source = Source::Activation;
    EXPECT_THAT(request.whyNothing(), testing::HasSubstr("calibrat"));
}

TEST(Distribution, CancelledWorkReturns) {
    std::stop_source stop;
    stop.request_stop();
    RunContext ctx;
    ctx.stop = stop.get_token();
    const auto data = prepareDistribution(weightRequest(), ctx);
    ASSERT_FALSE(data);
    EXPECT_EQ(data.error().code, ErrorCode::Cancelled);
}

} // namespace
} // namespace qs::views
