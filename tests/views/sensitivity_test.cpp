#include "tests/views/chart_fixtures.h"
#include "views/sensitivity/sensitivity_chart.h"
#include "views/sensitivity/sensitivity_controls.h"
#include "views/sensitivity/sensitivity_model.h"

#include <QAbstractItemModelTester>
#include <QSignalSpy>
#include <gmock/gmock.h>

namespace qs::views {
namespace {

/// Squared error of the network's output, relative to a signal of 1.
AloneMetrics metricsOf(double squaredError) {
    AloneMetrics metrics;
    metrics.network.error.count = 1;
    metrics.network.error.sumSquares = 1;
    metrics.network.error.sumSquaredError = squaredError;
    metrics.layerOutput = metrics.network.error;
    return metrics;
}

std::shared_ptr<const SensitivityTable> tableOf(std::vector<std::optional<AloneMetrics>> cells) {
    auto table = std::make_shared<SensitivityTable>();
    table->bits = {2, 4};
    table->layers = {0, 1};
    table->cells = std::move(cells);
    table->samples = 8;
    return table;
}

class SensitivityModelTest : public testing::Test {
protected:
    SensitivityModel model;
    QAbstractItemModelTester tester{&model, QAbstractItemModelTester::FailureReportingMode::Fatal};
    std::shared_ptr<const Model> network = twoLayerModel();
};

TEST_F(SensitivityModelTest, EmptyHasNoRows) {
    EXPECT_EQ(model.rowCount(), 0);
    model.setTable(nullptr, nullptr);
    EXPECT_EQ(model.columnCount(), 0);
    EXPECT_EQ(model.measuredRows(), 0);
}

TEST_F(SensitivityModelTest, ShowsValuesAndColoursTheWorst) {
    model.setTable(network, tableOf({metricsOf(0.1), metricsOf(0.001), metricsOf(0.01), metricsOf(0.0001)}));
    ASSERT_EQ(model.rowCount(), 2);
    ASSERT_EQ(model.columnCount(), 3);
    EXPECT_EQ(model.headerData(1, Qt::Horizontal, Qt::DisplayRole).toString(), "2 bit");
    EXPECT_EQ(model.index(0, 1).data().toString(), "10.0");
    EXPECT_EQ(model.index(1, 2).data().toString(), "40.0");
    EXPECT_DOUBLE_EQ(*model.badness(0, 0), 1);
    EXPECT_DOUBLE_EQ(*model.badness(1, 1), 0);
    EXPECT_NEAR(*model.badness(0, 1), 1.0 / 3, 1e-9);
    EXPECT_THAT(model.index(0, 1).data(Qt::ToolTipRole).toString().toStdString(),
                testing::HasSubstr("at 2 bit: 10.0 dB"));
    EXPECT_EQ(model.index(1, 0).data(SensitivityModel::LayerIdRole).toInt(), 1);
    EXPECT_EQ(model.rowOfLayer(1), 1);
    EXPECT_EQ(model.rowOfLayer(7), -1);
}

TEST_F(SensitivityModelTest, PartialTableGrowsWithoutReset) {
    QSignalSpy resets(&model, &QAbstractItemModel::modelReset),
        changes(&model, &QAbstractItemModel::dataChanged);
    model.setTable(network, tableOf({metricsOf(0.1), metricsOf(0.01), std::nullopt, std::nullopt}));
    EXPECT_EQ(model.measuredRows(), 1);
    EXPECT_FALSE(model.index(1, 1).data(SensitivityModel::SortRole).isValid());
    EXPECT_FALSE(model.index(1, 1).data(Qt::BackgroundRole).isValid());
    model.setTable(network, tableOf({metricsOf(0.1), metricsOf(0.01), metricsOf(0.2), metricsOf(0.02)}));
    EXPECT_EQ(model.measuredRows(), 2);
    EXPECT_EQ(resets.size(), 1);
    EXPECT_EQ(changes.size(), 1);
}

TEST_F(SensitivityModelTest, EveryMetricCanBeShown) {
    model.setTable(network, tableOf({metricsOf(0.1), metricsOf(0.001), metricsOf(0), std::nullopt}));
    for (const SensitivityMetric &metric : sensitivityMetrics()) {
        model.setMetric(metric);
        for (int row = 0; row < model.rowCount(); ++row)
            for (int column = 0; column < model.columnCount(); ++column)
                for (int role : {Qt::DisplayRole, Qt::ToolTipRole, Qt::BackgroundRole, Qt::ForegroundRole})
                    model.index(row, column).data(role);
        EXPECT_FALSE(metric.formula.isEmpty()) << metric.name.toStdString();
    }
    // Identical outputs: 150 dB are shown as what they mean.
    model.setMetric(sensitivityMetrics().front());
    EXPECT_EQ(model.index(1, 1).data().toString(), "exact");
    EXPECT_DOUBLE_EQ(*model.badness(1, 0), 0);
}

TEST_F(SensitivityModelTest, ChartFollowsModelAndClicksNameTheWorstLayer) {
    SensitivityChart chart(model);
    chart.resize(500, 400);
    chart.refresh();
    model.setTable(network, tableOf({metricsOf(0.01), metricsOf(0.001), metricsOf(0.1), metricsOf(0.0001)}));
    chart.refresh();
    chart.setSelectedLayer(1);
    QSignalSpy clicks(&chart, &SensitivityChart::layerClicked);
    emit chart.clicked(0.2, 0); // the first place is the worst at 2 bit: the second layer
    ASSERT_EQ(clicks.size(), 1);
    EXPECT_EQ(clicks.front().front().toInt(), 1);
    emit chart.clicked(9, 0);
    EXPECT_EQ(clicks.size(), 1);
}

TEST(SensitivityControls, OptionsTakeTheGridFromTheRecipe) {
    MethodRegistry methods;
    ASSERT_TRUE(methods.add(makeRtnQuantizer()));
    const SensitivityControls controls(methods);
    WeightChoice weights;
    weights.scheme.granularity = Granularity::PerGroup;
    weights.scheme.groupSize = 32;
    const SensitivityOptions options = controls.options(uniformRecipe("r", weights, {}));
    EXPECT_EQ(options.bits, SensitivityOptions().bits);
    const auto planned = options.recipe.choiceFor("any layer").weight;
    ASSERT_TRUE(planned);
    EXPECT_EQ(planned->method, "rtn");
    EXPECT_EQ(planned->scheme.groupSize, 32);
    EXPECT_EQ(options.samples, 64);
}

} // namespace
} // namespace qs::views
