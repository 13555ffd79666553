#include "tests/views/chart_fixtures.h"
#include "views/canvas/color_choice.h"
#include "views/outlier_map/outlier_map_source.h"

#include <gmock/gmock.h>

namespace qs::views {
namespace {

using Mode = OutlierMapRequest::Mode;
using Statistic = OutlierMapRequest::Statistic;
using Rule = OutlierMapRequest::Rule;

OutlierMapRequest layerRequest() {
    auto capture = std::make_shared<Capture>();
    OutlierMapRequest request;
    request.model = twoLayerModel();
    capture->samples = 3;
    capture->layers = {captureOf(0, 3, 4, {1, -2, 3, 0, -1, 20, 3, 0, 2, 2, 3, 0}),
                       captureOf(1, 2, 3, {1, 1, 1, -1, 1, 1})};
    request.capture = capture;
    return request;
}

TEST(OutlierMap, LayerRowsHoldTheChosenStatistic) {
    OutlierMapRequest request = layerRequest();
    const std::map<Statistic, float> ofSecondChannel = {{Statistic::MaxAbs, 20},
                                                        {Statistic::Rms, std::sqrt(408.0f / 3)},
                                                        {Statistic::Range, 22},
                                                        {Statistic::Max, 20},
                                                        {Statistic::Min, -2}};
    for (const StatisticInfo &info : statisticsOf(Mode::LayerChannel)) {
        request.statistic = info.statistic;
        const auto content = *loadOutlierMap(request, {});
        EXPECT_EQ(content->scene.data->rows(), 2);
        EXPECT_EQ(content->scene.data->rowLength(1), 3);
        EXPECT_NEAR(content->scene.data->value(0, 1), ofSecondChannel.at(info.statistic), 1e-5) << info.title;
        EXPECT_EQ(content->isSigned, info.isSigned);
        EXPECT_THAT(content->layerOfRow, testing::ElementsAre(0, 1));
    }
}

TEST(OutlierMap, MedianRuleIsPerLayer) {
    OutlierMapRequest request = layerRequest();
    request.threshold = 6;
    const auto content = *loadOutlierMap(request, {});
    // Channel magnitudes 2, 20, 3, 0: the median is 3, the limit 18. The second layer's are all 1.
    EXPECT_THAT(content->scene.outliers.limits, testing::ElementsAre(18, 6));
    EXPECT_EQ(content->scene.outliers.cells, 1);
    EXPECT_THAT(content->scene.outliers.columns, testing::ElementsAre(1));
}

TEST(OutlierMap, TokensAndWeightsAreExact) {
    OutlierMapRequest request = layerRequest();
    request.layer = 0;
    request.mode = Mode::TokenChannel;
    request.statistic = Statistic::Magnitude;
    request.rule = Rule::Absolute;
    request.threshold = 6;
    const auto tokens = *loadOutlierMap(request, {});
    EXPECT_EQ(tokens->scene.data->value(0, 1), 2);
    EXPECT_EQ(tokens->scene.outliers.cells, 1);
    request.statistic = Statistic::Value;
    EXPECT_EQ((*loadOutlierMap(request, {}))->scene.data->value(0, 1), -2);

    request.mode = Mode::Weight;
    const auto weights = *loadOutlierMap(request, {});
    EXPECT_EQ(weights->scene.data->rows(), 3); // outputs: the stored matrix is [in, out]
    EXPECT_EQ(weights->scene.data->value(2, 1), 5);
}

TEST(OutlierMap, ErrorNeedsARunAndIsDequantizedMinusFloat) {
    OutlierMapRequest request = layerRequest();
    request.mode = Mode::Weight;
    request.statistic = Statistic::Error;
    request.layer = 0;
    EXPECT_FALSE(request.whyNothing().isEmpty());
    auto result = std::make_shared<LayerResult>();
    QuantizedMatrix matrix;
    matrix.rows = 3;
    matrix.cols = 4;
    matrix.bits = 8;
    matrix.convention = GridConvention::SymmetricRestricted;
    matrix.layout = {Granularity::PerTensor, 3, 4, 0};
    matrix.codes.assign(12, 2);
    matrix.scales = {0.5f};
    matrix.zeroPoints = {0};
    result->quantized.weight = std::make_shared<const QuantizedMatrix>(matrix);
    request.layerResult = result;
    EXPECT_TRUE(request.whyNothing().isEmpty());
    const auto content = *loadOutlierMap(request, {});
    EXPECT_EQ(content->scene.data->value(2, 1), 1.0f - 5.0f);
}

TEST(OutlierMap, SaysWhatIsMissing) {
    OutlierMapRequest request;
    EXPECT_THAT(request.whyNothing().toStdString(), testing::HasSubstr("No model"));
    request.model = twoLayerModel();
    EXPECT_THAT(request.whyNothing().toStdString(), testing::HasSubstr("calibrat"));
    request.mode = Mode::Weight;
    EXPECT_THAT(request.whyNothing().toStdString(), testing::HasSubstr("No layer is selected"));
}

TEST(OutlierMap, ScaleFollowsTheChoice) {
    using Kind = HeatMapScale::Kind;
    const auto data = *HeatMapData::fromRows({{0, 0.001f, 1, -4}}, {});
    ColorChoice choice;
    HeatMapScale scale = chooseScale(data->stats(), false, false, choice);
    EXPECT_EQ(scale.kind, Kind::Log);
    EXPECT_DOUBLE_EQ(scale.hi, 4);
    EXPECT_GT(scale.lo, 0);
    choice.logarithmic = false;
    EXPECT_EQ(chooseScale(data->stats(), false, false, choice).kind, Kind::Linear);
    scale = chooseScale(data->stats(), true, true, choice);
    EXPECT_EQ(scale.kind, Kind::SignedLinear);
    EXPECT_DOUBLE_EQ(scale.hi, 4);
    choice.range = ColorChoice::Range::Manual;
    choice.lo = -1;
    choice.hi = 0.5;
    EXPECT_DOUBLE_EQ(chooseScale(data->stats(), true, true, choice).hi, 1);
    const auto zeros = *HeatMapData::fromRows({{0, 0}}, {});
    EXPECT_TRUE(std::isfinite(chooseScale(zeros->stats(), false, false, {}).position(0)));
}

} // namespace
} // namespace qs::views
