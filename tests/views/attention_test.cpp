#include "tests/views/workbench_fixture.h"
#include "views/attention/attention_charts.h"
#include "views/attention/attention_grid.h"
#include "views/attention/head_table_model.h"
#include "views/attention/line_chart.h"
#include "views/attention/picture_overlay.h"

#include <QAbstractItemModelTester>
#include <QSignalSpy>
#include <QTest>
#include <gmock/gmock.h>
#include <numeric>
#include <qcustomplot.h>

namespace qs::views {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// Two layers of 2 and 3 heads over 4 tokens, without a model behind them.
std::shared_ptr<const AttentionSurvey> smallSurvey(bool quantized) {
    auto survey = std::make_shared<AttentionSurvey>();
    auto search = std::make_shared<AttentionSearch>();
    search->blocks.resize(2);
    search->blocks[0].name = "first.attn";
    search->blocks[1].name = "second.attn";
    survey->attention = search;
    survey->hasQuantized = quantized;
    survey->complete = true;
    const std::vector<float> map{1, 0, 0, 0, .6f, .4f, 0, 0, .5f, .2f, .3f, 0, .4f, .1f, .1f, .4f};
    for (std::size_t block = 0; block < 2; ++block) {
        auto layer = std::make_shared<AttentionLayer>();
        layer->block = block;
        layer->queries = layer->keys = 4;
        layer->causal = true;
        for (std::size_t i = 0; i < 2 + block; ++i) {
            AttentionHead head;
            head.reference = *measureAttentionHead({map.data(), 4, 4}, true, {});
            head.thumbnail = Tensor::fromValues<float>({4, 4}, map);
            if (quantized) {
                std::vector<float> other = map;
                other[4] = .5f;
                other[5] = .5f;
                head.quantized = *measureAttentionHead({other.data(), 4, 4}, true, {});
                head.agreement = *compareAttention({map.data(), 4, 4}, {other.data(), 4, 4}, {});
                head.outputError.emplace();
                head.quantizedThumbnail = Tensor::fromValues<float>({4, 4}, other);
                head.differenceThumbnail = difference(head.thumbnail, head.quantizedThumbnail);
            }
            layer->heads.push_back(std::move(head));
        }
        layer->kvHeads.resize(1);
        for (HeadDistribution *part : {&layer->kvHeads[0].keys, &layer->kvHeads[0].values}) {
            part->histogram = Histogram(-1, 1, 4);
            part->histogram.add(std::vector<float>{-.9f, .1f, .2f, .9f});
        }
        survey->layers.push_back(std::move(layer));
    }
    survey->importance = {12.5, 3.5, 2, 2};
    return survey;
}

TEST(HeadTable, FollowsTheModelRulesAndSortsByNumber) {
    HeadTableModel model;
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    model.setSurvey(smallSurvey(false));
    EXPECT_EQ(model.rowCount(), 5);
    const int columns = model.columnCount();
    EXPECT_EQ(model.rowOf(1, 2), 4);
    EXPECT_EQ(model.rowOf(0, 2), -1);
    EXPECT_EQ(model.data(model.index(2, 0), Qt::DisplayRole).toString(), "second.attn");
    EXPECT_EQ(model.headerData(4, Qt::Horizontal, Qt::DisplayRole).toString(), "sink");
    EXPECT_EQ(model.data(model.index(0, 4), Qt::DisplayRole).toString(), "50 %");
    EXPECT_NEAR(model.data(model.index(0, 4), HeadTableModel::SortRole).toDouble(), 0.5, 1e-6);
    model.setSurvey(smallSurvey(true));
    EXPECT_EQ(model.columnCount(), columns + 5);
    EXPECT_EQ(model.data(model.index(0, columns), Qt::DisplayRole).toString(), "0.05"); // (.1 + .1) / 4
    model.setSurvey(nullptr);
    EXPECT_EQ(model.rowCount(), 0);
}

TEST(AttentionGridScene, OneLayerShowsThreeVariantsAllLayersOne) {
    const auto survey = smallSurvey(true);
    const AttentionGrid one =
        makeAttentionGrid(*survey, {0, AttentionShown::kGrid, AttentionVariant::Float}, false);
    ASSERT_EQ(one.rows(), 3);
    EXPECT_EQ(one.columns, 3); // the other layer has three heads: columns keep their place
    EXPECT_EQ(one.panels[2].head, -1);
    EXPECT_TRUE(one.panels[6].isDifference);
    EXPECT_NEAR(one.scale.hi, 1, 1e-6);
    EXPECT_NEAR(one.differenceScale.hi, 0.1, 1e-6);
    EXPECT_EQ(one.differenceScale.kind, HeatMapScale::Kind::SignedLinear);
    const AttentionGrid all =
        makeAttentionGrid(*survey, {-1, AttentionShown::kGrid, AttentionVariant::Quantized}, true);
    ASSERT_EQ(all.rows(), 2);
    EXPECT_EQ(all.panels[0].map.values<float>()[4], .5f);
    EXPECT_EQ(all.scale.kind, HeatMapScale::Kind::Log);
    const auto plain = smallSurvey(false);
    EXPECT_EQ(
        makeAttentionGrid(*plain, {0, AttentionShown::kGrid, AttentionVariant::Difference}, false).rows(), 1);
}

TEST(AttentionCharts, SaliencyDistanceAndKv) {
    const auto survey = smallSurvey(true);
    const LineChartContent normalized = saliencyContent(*survey, {0, 1}, true);
    ASSERT_EQ(normalized.series.size(), 2U);
    EXPECT_NEAR(normalized.series[0].y[0], .625, 1e-6);
    EXPECT_NEAR(normalized.series[0].y[3], .4, 1e-6);
    EXPECT_NEAR(saliencyContent(*survey, {0, -1}, false).series[0].y[0], 2.5, 1e-6); // mean over equal heads
    EXPECT_EQ(saliencyContent(*survey, {-1, -1}, false).series[0].y[0], 12.5);       // all layers: importance
    EXPECT_NEAR(distanceContent(*survey, {1, 0}).series[0].y[0], 2.1 / 4, 1e-6);
    const LineChartContent kv = kvContent(*survey, {1, 2}, false);
    ASSERT_EQ(kv.series.size(), 1U);
    EXPECT_THAT(kv.series[0].y, ElementsAre(.25, 0, .5, .25));
    EXPECT_TRUE(kvContent(*survey, {-1, -1}, false).series.empty());
    LineChart chart;
    chart.setContent(kvContent(*survey, {-1, -1}, false));
    EXPECT_TRUE(chart.plot().isHidden()) << "axes without a line";
    chart.setContent(kv);
    EXPECT_FALSE(chart.plot().isHidden());
}

TEST(AttentionCharts, RowAndColumnAreThoseOfTheMap) {
    AttentionMapContent content;
    content.reference =
        *HeatMapData::fromMatrix(Tensor::fromValues<float>({2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6}), {});
    EXPECT_THAT(rowContent(content, 1).series.at(0).y, ElementsAre(4, 5, 6));
    EXPECT_THAT(columnContent(content, 2).series.at(0).y, ElementsAre(3, 6));
    EXPECT_TRUE(rowContent(content, 2).series.empty());
}

TEST(PictureOverlay, TokenGridsAreGuessedFromThePictureShape) {
    EXPECT_EQ(guessTokenGrid(65, 32, 32), (TokenGrid{1, 8, 8}));
    EXPECT_EQ(guessTokenGrid(64, 16, 16), (TokenGrid{0, 8, 8}));
    EXPECT_EQ(guessTokenGrid(1 + 14 * 14, 224, 224), (TokenGrid{1, 14, 14}));
    EXPECT_EQ(guessTokenGrid(5 + 8 * 16, 64, 128), (TokenGrid{5, 8, 16}));
    EXPECT_FALSE(guessTokenGrid(60, 32, 32));
    EXPECT_FALSE(guessTokenGrid(1, 32, 32));
}

TEST(PictureOverlay, PixelsKeepTheirValuesAndOthersAreStretched) {
    const Tensor pixels =
        Tensor::fromValues<float>({1, 3, 2, 2}, std::vector<float>{255, 0, 0, 0, 0, 128, 0, 0, 0, 0, 7, 0});
    const QImage picture = pictureOf({Tensor::zeros(DType::Int64, {1, 4}), pixels});
    EXPECT_EQ(picture.pixelColor(0, 0), QColor(255, 0, 0));
    EXPECT_EQ(picture.pixelColor(1, 0), QColor(0, 128, 0));
    EXPECT_EQ(picture.pixelColor(0, 1), QColor(0, 0, 7));
    const Tensor noise = Tensor::fromValues<float>({1, 1, 2, 2}, std::vector<float>{-1, 0, 1, 1});
    EXPECT_EQ(pictureOf({noise}).pixelColor(1, 0).red(), 128);
    EXPECT_TRUE(pictureOf({Tensor::zeros(DType::Float32, {1, 5})}).isNull());
}

TEST(PictureOverlay, AClickPicksThePatchAndKeysMove) {
    PictureOverlay overlay;
    overlay.resize(300, 360);
    overlay.setPicture(QImage(32, 32, QImage::Format_RGB32), {1, 8, 8});
    overlay.setAttention(std::vector<float>(65, 1.0f / 65), 10, "float");
    overlay.show();
    QSignalSpy picked(&overlay, &PictureOverlay::tokenPicked);
    QTest::mouseClick(&overlay, Qt::LeftButton, {}, overlay.patchRect(20).center().toPoint());
    ASSERT_EQ(picked.size(), 1);
    EXPECT_EQ(picked[0][0].toLongLong(), 20);
    QTest::keyClick(&overlay, Qt::Key_Down);
    EXPECT_EQ(picked.back()[0].toLongLong(), 18);
    EXPECT_TRUE(overlay.patchRect(0).isEmpty()); // the class token
    EXPECT_FALSE(overlay.grab().isNull());
}

TEST(AttentionSource, SaysWhatIsMissing) {
    AttentionRequest request;
    EXPECT_THAT(request.whyNothing().toStdString(), HasSubstr("No model"));
    request.model = std::make_shared<Model>();
    EXPECT_THAT(request.whyNothing().toStdString(), HasSubstr("not ready"));
}

TEST(AttentionSource, FloatAndQuantizedShareOneScale) {
    AttentionMapContent content;
    const auto matrix = [](std::vector<float> values) {
        return *HeatMapData::fromMatrix(Tensor::fromValues<float>({1, 2}, values), {});
    };
    content.reference = matrix({.4f, .6f});
    content.quantized = matrix({.1f, .9f});
    content.difference = matrix({-.3f, .3f});
    const HeatMapScene first = attentionScene(content, AttentionVariant::Float, false);
    const HeatMapScene second = attentionScene(content, AttentionVariant::Quantized, false);
    EXPECT_EQ(first.scale, second.scale);
    EXPECT_NEAR(first.scale.hi, .9, 1e-6);
    const HeatMapScene third = attentionScene(content, AttentionVariant::Difference, false);
    EXPECT_TRUE(third.scale.isSigned());
    EXPECT_NEAR(third.scale.hi, .3, 1e-6);
    EXPECT_EQ(third.map->kind, ColorMap::Kind::Diverging);
}

} // namespace
} // namespace qs::views
