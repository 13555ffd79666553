#include "core/analysis/number_line.h"

#include "tests/views/chart_fixtures.h"

#include <gmock/gmock.h>
#include <limits>

namespace qs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// `first` of twoLayerModel() is stored [4 inputs, 3 outputs]; channel c reads values c, 3 + c, 6 + c, 9 + c.
Result<SourceValues> valuesOf(const ValueSource &source) {
    static const auto model = twoLayerModel();
    return sourceValues(*model, model->layers[0], nullptr, source);
}

TEST(NumberLine, SourcesPickWhatSharesOneScale) {
    ValueSource source;
    EXPECT_EQ(valuesOf(source)->values.size(), 12u);
    source.granularity = Granularity::PerChannel;
    source.channel = 1;
    EXPECT_THAT(valuesOf(source)->values, ElementsAre(1, 4, 7, 10));
    EXPECT_THAT(valuesOf(source)->title, HasSubstr("output channel 1"));
    source.granularity = Granularity::PerGroup;
    source.groupSize = 3;
    EXPECT_THAT(valuesOf(source)->values, ElementsAre(1, 4, 7));
    source.group = 1; // shorter at the end
    EXPECT_THAT(valuesOf(source)->values, ElementsAre(10));
    source.group = 2;
    EXPECT_THAT(valuesOf(source).error().message, HasSubstr("no group 2"));
    source.group = 0;
    source.channel = 3;
    EXPECT_THAT(valuesOf(source).error().message, HasSubstr("no output channel 3"));
    source.groupSize = 0;
    EXPECT_EQ(valuesOf(source).error().code, ErrorCode::InvalidArgument);
}

TEST(NumberLine, NormalizedSlicesReachOne) {
    ValueSource source;
    source.normalized = true;
    source.granularity = Granularity::PerChannel;
    EXPECT_THAT(valuesOf(source)->values.subspan(0, 4), ElementsAre(0, 3 / 9.0f, 6 / 9.0f, 1));
    source.granularity = Granularity::PerGroup;
    source.groupSize = 2;
    EXPECT_THAT(valuesOf(source)->values.subspan(0, 4), ElementsAre(0, 1, 6 / 9.0f, 1));
    EXPECT_THAT(valuesOf(source)->title, HasSubstr("every group of 2"));
}

TEST(NumberLine, ActivationsAreTheCapturedSample) {
    const auto model = twoLayerModel();
    ValueSource source;
    source.of = ValueSource::Of::Activation;
    EXPECT_THAT(sourceValues(*model, model->layers[0], nullptr, source).error().message,
                HasSubstr("calibrat"));
    const auto capture = captureOf(0, 3, 4, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
    auto partial = std::make_shared<LayerCapture>(*capture);
    partial->tokens = 50;
    const auto values = sourceValues(*model, model->layers[0], partial.get(), source);
    EXPECT_EQ(values->values.size(), 12u);
    EXPECT_EQ(values->note, "The first 3 of 50 calibration tokens.");
    EXPECT_TRUE(sourceValues(*model, model->layers[0], capture.get(), source)->note.empty());
}

TEST(NumberLine, RulesAreThoseOfRuns) {
    std::vector<float> values(1001);
    for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = static_cast<float>(i) / 500 - 0.7f;
    const SortedValues sorted = SortedValues::build(values, {}).value();
    const NumberFormat &format = **findFormat("int4-asymmetric");
    for (const auto kind :
         {RangeRule::Kind::MinMax, RangeRule::Kind::Percentile, RangeRule::Kind::Mse, RangeRule::Kind::Kl}) {
        ClipChoice choice;
        choice.rule.kind = kind;
        const ValueRange expected =
            chooseRange(values, {4, GridConvention::Asymmetric, choice.rule, RoundingMode::HalfEven});
        const auto range = chooseClip(sorted, format, choice, nullptr, {});
        ASSERT_TRUE(range);
        EXPECT_NEAR(range->lo, expected.lo, 1e-6) << clipChoiceText(choice);
        EXPECT_NEAR(range->hi, expected.hi, 1e-6) << clipChoiceText(choice);
    }
    ClipChoice kl;
    kl.rule.kind = RangeRule::Kind::Kl;
    EXPECT_THAT(chooseClip(sorted, **findFormat("nf4"), kl, nullptr, {}).error().message,
                HasSubstr("integer grids"));
}

TEST(NumberLine, RulesOfActivationsSeeAllTokens) {
    // The sample keeps the first token alone; ranges come from all three.
    const auto capture = captureOf(0, 3, 2, {1, 2, 3, -4, 5, 6});
    const SortedValues sample = SortedValues::build(std::vector<float>{1, 2}, {}).value();
    const NumberFormat &format = **findFormat("int8-asymmetric");
    const auto range = chooseClip(sample, format, {}, capture.get(), {});
    ASSERT_TRUE(range);
    EXPECT_EQ(range->lo, -4);
    EXPECT_EQ(range->hi, 6);
    const CodePoints points = codePoints(format, range->lo, range->hi);
    const ScaleZero grid =
        activationGrid(*capture, {8, GridConvention::Asymmetric, {}, RoundingMode::HalfEven});
    EXPECT_EQ(static_cast<float>(points.scale), grid.scale);
    EXPECT_EQ(points.zeroPoint, grid.zeroPoint);
}

TEST(NumberLine, SymmetricFormatsGetSymmetricClips) {
    const SortedValues sorted = SortedValues::build(std::vector<float>{-1, 0.5f, 3}, {}).value();
    EXPECT_EQ(numberLineRow(sorted, **findFormat("int4-s2"), {}, {-1, 3}).clip.lo, -3);
    EXPECT_EQ(numberLineRow(sorted, **findFormat("int4-asymmetric"), {}, {-1, 3}).clip.lo, -1);
}

TEST(NumberLine, BestRowAndReport) {
    const SourceValues source{{}, {}, "Weight of fc", "weight value", {}};
    const std::vector<float> values{-1, 0.3f, 0.45f, std::numeric_limits<float>::quiet_NaN()};
    const SortedValues sorted = SortedValues::build(values, {}).value();
    std::vector<NumberLineRow> rows;
    for (const char *id : {"int2-s2", "int8-s2", "int4-s2"})
        rows.push_back(numberLineRow(sorted, **findFormat(id), {}, {-1, 1}));
    EXPECT_EQ(bestRow(rows), 1);
    const auto report = numberLineReport(source, sorted, rows);
    EXPECT_EQ(report["nan"], 1);
    EXPECT_EQ(report["count"], 3);
    EXPECT_EQ(report["formats"][1]["best"], true);
    EXPECT_EQ(report["formats"][1]["zero_point"], 0);
    // 0.3 → 0 and 0.45 → 0 at the scale 1.
    EXPECT_NEAR(report["formats"][0]["mse"].get<double>(), (0.09 + 0.2025) / 3, 1e-8);
    EXPECT_EQ(bestRow({}), -1);
}

TEST(NumberLine, OwnGridIsThatOfTheSlice) {
    QuantizedMatrix matrix;
    matrix.rows = 2;
    matrix.cols = 4;
    matrix.bits = 4;
    matrix.layout = {Granularity::PerChannel, 2, 4, 0};
    matrix.scales = {0.5f, 2.0f};
    matrix.zeroPoints = {3, 5};
    const SortedValues sorted = SortedValues::build(std::vector<float>{-1, 1, 2}, {}).value();
    ValueSource source;
    EXPECT_THAT(ownGridRow(sorted, matrix, source).error().message, HasSubstr("2 grids, one per channel"));
    source.granularity = Granularity::PerChannel;
    source.channel = 1;
    const auto row = ownGridRow(sorted, matrix, source);
    ASSERT_TRUE(row);
    EXPECT_EQ(row->format->id, "int4-asymmetric");
    EXPECT_EQ(row->points.scale, 2);
    EXPECT_EQ(row->points.zeroPoint, 5);
    EXPECT_EQ(row->clip.lo, -10);
    source.normalized = true;
    EXPECT_FALSE(ownGridRow(sorted, matrix, source));
}

} // namespace
} // namespace qs
