#include "tests/views/chart_fixtures.h"
#include "views/distribution/distribution_data.h"

#include "core/base/random.h"
#include "core/graph/weights_only.h"
#include "core/tensor/convert.h"

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

TEST(CentralRange, OfCountedPatternsIsAsNarrowAsTheValuesAllow) {
    std::vector<float> values(4000);
    Random random(2);
    for (float &value : values)
        value = static_cast<float>(random.normal());
    values[500] = 1e7f;
    const Tensor stored = *castTensor(Tensor::fromValues<float>({4000}, values), DType::BFloat16);
    const TensorScan scan = *TensorScan::read(stored, nullptr, {});
    const ValueRange range = *centralRange(scan, 0.999, {});
    std::vector<float> sorted;
    for (const std::uint16_t bits : stored.values<std::uint16_t>())
        sorted.push_back(bfloat16ToFloat(bits));
    std::ranges::sort(sorted);
    EXPECT_EQ(range.lo, sorted[2]); // two of 4000 lie in each tail
    EXPECT_EQ(range.hi, sorted[3997]);
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

/// One layer of more values than are compared at once, stored as bfloat16.
DistributionRequest largeRequest() {
    constexpr std::int64_t kRows = 33000, kCols = 1024;
    static const std::shared_ptr<const Model> model = [] {
        Tensor weight = Tensor::allocate(DType::BFloat16, {kRows, kCols});
        auto patterns = weight.mutableValues<std::uint16_t>();
        for (std::size_t i = 0; i < patterns.size(); ++i)
            patterns[i] = floatToBFloat16(static_cast<float>(i * 7919 % 2003) / 1000.0f - 1.0f);
        WeightsOnlyBuilder builder("large");
        EXPECT_TRUE(builder.add("large.weight", weight));
        auto made = std::make_shared<Model>();
        made->graph = *std::move(builder).finish();
        made->layers = findLayers(made->graph);
        return made;
    }();
    DistributionRequest request;
    request.model = model;
    request.layer = 0;
    request.choice.weight = choice(4, Granularity::PerChannel);
    return request;
}

TEST(Distribution, LargeWeightIsSeenEarlyAndNeverCalledExactBefore) {
    std::vector<std::shared_ptr<const DistributionData>> pictures;
    const auto keep = [&](std::shared_ptr<const DistributionData> picture) { pictures.push_back(picture); };
    const DistributionRequest request = largeRequest();
    const auto data = *prepareDistribution(request, {}, keep);
    ASSERT_GE(pictures.size(), 2u);
    for (std::size_t i = 0; i + 1 < pictures.size(); ++i) {
        EXPECT_LT(pictures[i]->seen, pictures[i]->total);
        EXPECT_THAT(pictures[i]->badge(), testing::StartsWith("partial: "));
        EXPECT_THAT(pictures[i]->badge(), testing::Not(testing::HasSubstr("exact")));
        EXPECT_DOUBLE_EQ(pictures[i]->values.inside(), static_cast<double>(pictures[i]->seen));
    }
    // The last one on the way has all float values, and says that the quantized ones are to come.
    const DistributionData &last = *pictures.back();
    EXPECT_EQ(last.badge(), "33,792,000 values, exact");
    EXPECT_FALSE(last.quantized);
    EXPECT_THAT(last.notes, testing::Contains(testing::HasSubstr("being laid over")));
    EXPECT_EQ(data->badge(), "33,792,000 values, exact");
    EXPECT_THAT(data->notes, testing::Not(testing::Contains(testing::HasSubstr("being laid over"))));
    EXPECT_EQ(data->values.counts, last.values.counts);

    // Compared in parts as it would be as a whole.
    const Tensor weights = *weightMatrix(request.layerInfo(), request.model->graph);
    QuantizeRequest job;
    job.weights = {weights.values<float>().data(), 33000, 1024};
    job.scheme = request.choice.weight->scheme;
    const QuantizedMatrix matrix = *makeRtnQuantizer()->quantize(job, {});
    const Tensor others = matrix.dequantize();
    ErrorMetrics error;
    error.add(weights.values<float>(), others.values<float>());
    EXPECT_NEAR(data->error->mse(), error.mse(), 1e-9 * error.mse());
    EXPECT_EQ(data->error->count, error.count);
    const Histogram bins =
        *computeHistogram(others.values<float>(), data->values.lo, data->values.hi(), request.bins, {});
    EXPECT_EQ(data->quantized->counts, BinnedValues::of(bins).counts);
    EXPECT_EQ(data->quantized->above, static_cast<double>(bins.above()));
    EXPECT_EQ(data->grid.grids, 33000);
    EXPECT_TRUE(data->clippedShare);
}

TEST(Distribution, LargeWeightCanBeCancelledInTheMiddle) {
    std::stop_source stop;
    RunContext ctx;
    ctx.stop = stop.get_token();
    int pictures = 0;
    const auto data = prepareDistribution(largeRequest(), ctx, [&](const auto &) {
        ++pictures;
        stop.request_stop();
    });
    ASSERT_FALSE(data);
    EXPECT_EQ(data.error().code, ErrorCode::Cancelled);
    EXPECT_EQ(pictures, 1);
}

TEST(Distribution, OneChannelOfALargeWeightHasItsGrid) {
    DistributionRequest request = largeRequest();
    request.channel = 17;
    const auto data = *prepareDistribution(request, {});
    EXPECT_EQ(data->stats.count, 1024);
    EXPECT_EQ(data->grid.values.size(), 16u);
    EXPECT_DOUBLE_EQ(data->quantized->inside() + data->quantized->below + data->quantized->above, 1024);
    request.choice.weight = choice(4, Granularity::PerTensor);
    const auto whole = *prepareDistribution(request, {});
    EXPECT_FALSE(whole->quantized);
    EXPECT_THAT(whole->notes, testing::Contains(testing::HasSubstr("No preview of one grid")));
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
    EXPECT_THAT(data->badge(), testing::HasSubstr("≈"));
    EXPECT_THAT(data->badge(), testing::Not(testing::HasSubstr("exact")));
}

/// What lies where inside its bins is not known: values at their very ends must keep the bounds, too.
TEST(Distribution, BoundsOfErrorsFromAHistogramHold) {
    for (const int part : {0, 1, 2, 3}) {
        DistributionRequest request = activationRequest();
        std::vector<float> values(4000);
        Random random(static_cast<std::uint64_t>(part + 1));
        for (float &value : values) {
            value = static_cast<float>(part == 3 ? std::pow(random.normal(), 7) : random.normal());
            if (part == 1 ||
                part == 2) { // bins of 8 / 2048: their lower ends, and just below their upper ends
                const double width = 8.0 / 2048, bin = std::floor(std::clamp(value, -3.9f, 3.9f) / width);
                value = static_cast<float>(part == 1 ? bin * width : (bin + 1) * width - 1e-6);
            }
        }
        values[0] = -4;
        values[1] = 4;
        request.capture = captureOf(0, 1000, 4, values);
        request.choice.activation->grid.bits = 6;
        const auto data = *prepareDistribution(request, {});
        const ScaleZero grid = activationGrid(*request.capture, request.choice.activation->grid);
        const CodeRange codes = codeRange(6, request.choice.activation->grid.convention);
        double squares = 0, clipped = 0;
        for (const float value : values) {
            const double error = static_cast<double>(
                dequantizeValue(quantizeValue(value, grid, codes, RoundingMode::HalfEven), grid) - value);
            squares += error * error;
            const double code = std::nearbyint(value / grid.scale) + grid.zeroPoint;
            clipped += code < codes.lowest || code > codes.highest;
        }
        const double exact = std::sqrt(squares / 4000), found = std::sqrt(data->error->mse());
        EXPECT_LE(std::fabs(exact - found), *data->rootErrorBound) << part;
        EXPECT_LE(*data->rootErrorBound, 0.51 * request.capture->histogram.binWidth());
        EXPECT_LE(std::fabs(clipped / 4000 - *data->clippedShare), *data->clippedBound + 1e-12) << part;
    }
}

TEST(Distribution, TellsHowFarAPercentileOfBinsMayBeOff) {
    DistributionRequest request = activationRequest();
    GridScheme &scheme = request.choice.activation->grid;
    scheme.rule.kind = RangeRule::Kind::Percentile;
    scheme.rule.percentile = 99;
    const auto told = testing::Contains(testing::HasSubstr("percentile 99 of the bins: that of the values"));
    EXPECT_THAT((*prepareDistribution(request, {}))->notes, told);
    auto result = std::make_shared<LayerResult>();
    result->state = LayerResult::State::Quantized;
    result->quantized.activation = activationGrid(*request.capture, scheme);
    result->quantized.activationScheme = scheme;
    request.result = result;
    EXPECT_THAT((*prepareDistribution(request, {}))->notes, told) << "of a run, too";
    auto learned = std::make_shared<LayerResult>(*result);
    learned->quantized.activation->scale *= 1.01F;
    request.result = learned;
    EXPECT_THAT((*prepareDistribution(request, {}))->notes, testing::Not(told)) << "that is no percentile";
    request.result = nullptr;
    scheme.rule.kind = RangeRule::Kind::MinMax;
    EXPECT_THAT((*prepareDistribution(request, {}))->notes, testing::Not(told)) << "that is exact";
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
