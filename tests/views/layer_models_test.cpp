#include "tests/views/named_layers.h"
#include "views/models/layer_table_model.h"
#include "views/models/layer_tree_model.h"
#include "views/shared/format_text.h"

#include <QAbstractItemModelTester>
#include <QRegularExpression>

namespace qs::views {
namespace {

using Column = LayerTableModel::Column;
constexpr auto kFatal = QAbstractItemModelTester::FailureReportingMode::Fatal;

/// A run of three layers: measured, failed, not there yet.
std::shared_ptr<const Run> partialRun(std::shared_ptr<const Model> model) {
    auto run = std::make_shared<Run>();
    run->model = model;
    run->layers.resize(model->layers.size());
    auto measured = std::make_shared<LayerResult>();
    measured->layer = 0;
    measured->state = LayerResult::State::Quantized;
    measured->choice.weight.emplace().scheme.grid.bits = 4;
    measured->bits = {4, 0.5, 0.125, 0};
    measured->weightError.emplace();
    measured->weightError->add(std::vector<float>{1, 1}, std::vector<float>{1.1f, 0.9f});
    run->layers[0] = measured;
    auto failed = std::make_shared<LayerResult>();
    failed->layer = 1;
    failed->state = LayerResult::State::Failed;
    failed->choice.weight.emplace();
    failed->failure = "weight has NaN at [0, 3]";
    run->layers[1] = failed;
    return run;
}

LayerTableData dataFor(std::shared_ptr<const Model> model, std::shared_ptr<const Run> run = nullptr) {
    LayerTableData data;
    data.model = std::move(model);
    data.recipe = uniformRecipe("w8", {}, ActivationChoice{});
    data.run = std::move(run);
    return data;
}

TEST(LayerTableModel, PassesTheModelTesterEmptyFullAndChanged) {
    LayerTableModel model;
    const QAbstractItemModelTester tester(&model, kFatal);
    const auto layers = modelWithLayers({"a", "b", "c"});
    model.setData(dataFor(layers));
    model.setData(dataFor(layers, partialRun(layers)));
    model.setData(dataFor(modelWithLayers({"x"})));
    model.setData({});
    EXPECT_EQ(model.rowCount(), 0);
}

TEST(LayerTableModel, ShowsThePlanUntilTheRunSaysWhatWasDone) {
    LayerTableModel model;
    const auto layers = modelWithLayers({"a", "b", "c"});
    model.setData(dataFor(layers, partialRun(layers)));
    EXPECT_EQ(model.index(0, Column::BitsColumn).data().toString(), "4");
    EXPECT_EQ(model.index(0, Column::EffectiveBitsColumn).data().toString(), "4.63");
    EXPECT_EQ(model.index(0, Column::WeightSqnrColumn).data().toString(), "20.0");
    EXPECT_EQ(model.index(2, Column::BitsColumn).data().toString(), "8 · A8");
    EXPECT_EQ(model.index(2, Column::EffectiveBitsColumn).data().toString(), kNoValueText);
    EXPECT_FALSE(model.index(2, Column::WeightSqnrColumn).data(LayerTableModel::SortRole).isValid());
}

TEST(LayerTableModel, FailedLayerHasAnIconAWordAndTheReason) {
    LayerTableModel model;
    const auto layers = modelWithLayers({"a", "b", "c"});
    model.setData(dataFor(layers, partialRun(layers)));
    EXPECT_TRUE(model.index(1, Column::NameColumn).data(Qt::DecorationRole).isValid());
    EXPECT_EQ(model.index(1, Column::MethodColumn).data().toString(), "failed");
    EXPECT_TRUE(
        model.index(1, Column::NameColumn).data(Qt::ToolTipRole).toString().contains("NaN at [0, 3]"));
}

TEST(LayerTableModel, TellsHowFarAPercentileOfActivationsMayBeOff) {
    const auto layers = modelWithLayers({"a", "b", "c"});
    auto run = std::make_shared<qs::Run>(*partialRun(layers));
    auto layer = std::make_shared<LayerCapture>();
    std::vector<float> values(1000);
    for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = static_cast<float>(i) / 1000;
    layer->histogram = Histogram(0, 1, 8);
    layer->histogram.add(values);
    layer->stats.min = 0;
    layer->stats.max = 0.999;
    auto capture = std::make_shared<Capture>();
    capture->layers = {layer, nullptr, nullptr};
    run->capture = capture;
    auto result = std::make_shared<LayerResult>(*run->layers[0]);
    GridScheme scheme;
    scheme.rule = {RangeRule::Kind::Percentile, 60};
    result->quantized.activationScheme = scheme;
    result->quantized.activation = activationGrid(*layer, scheme);
    run->layers[0] = result;
    LayerTableModel model;
    model.setData(dataFor(layers, run));
    const auto toolTip = [&] {
        return model.index(0, Column::BitsColumn).data(Qt::ToolTipRole).toString().toStdString();
    };
    EXPECT_THAT(toolTip(), testing::HasSubstr("from 0.75 to 0.875")) << "bins are an eighth wide";
    result = std::make_shared<LayerResult>(*result);
    result->quantized.activation->scale *= 2; // another method's
    run = std::make_shared<qs::Run>(*run);
    run->layers[0] = result;
    model.setData(dataFor(layers, run));
    EXPECT_THAT(toolTip(), testing::Not(testing::HasSubstr("percentile of the bins")));
}

TEST(LayerTableModel, EveryColumnHasATitleAndAnExplanation) {
    const LayerTableModel model;
    for (int column = 0; column < LayerTableModel::ColumnCount; ++column) {
        EXPECT_FALSE(model.headerData(column, Qt::Horizontal, Qt::DisplayRole).toString().isEmpty());
        EXPECT_FALSE(model.headerData(column, Qt::Horizontal, Qt::ToolTipRole).toString().isEmpty());
    }
}

TEST(LayerTableModel, SensitivityIsReadAtTheChosenBits) {
    LayerTableModel model;
    LayerTableData data = dataFor(modelWithLayers({"a", "b"}));
    auto table = std::make_shared<SensitivityTable>();
    table->bits = {2, 4};
    table->layers = {1};
    table->cells.resize(2);
    table->cells[1].emplace().network.hasLogits = true;
    table->cells[1]->network.predictions = 2;
    table->cells[1]->network.sumKl = 0.5;
    data.sensitivity = table;
    model.setData(data);
    EXPECT_EQ(model.index(1, Column::SensitivityColumn).data().toString(), "0.25");
    EXPECT_EQ(model.index(0, Column::SensitivityColumn).data().toString(), kNoValueText);
    data.sensitivityBits = 2;
    model.setData(data);
    EXPECT_EQ(model.index(1, Column::SensitivityColumn).data().toString(), kNoValueText);
}

TEST(LayerTableModel, OutlierScoreIsThatOfTheCapturedInput) {
    LayerTableModel model;
    LayerTableData data = dataFor(modelWithLayers({"a", "b"}));
    model.setData(data);
    EXPECT_EQ(model.index(0, Column::OutlierColumn).data().toString(), kNoValueText);
    auto layer = std::make_shared<LayerCapture>();
    layer->channelMin = {-1, -20, 0};
    layer->channelMax = {2, 3, 1};
    auto capture = std::make_shared<Capture>();
    capture->layers = {layer, nullptr};
    data.capture = capture;
    model.setData(data);
    EXPECT_EQ(model.index(0, Column::OutlierColumn).data(LayerTableModel::SortRole).toDouble(), 10);
    EXPECT_EQ(model.index(1, Column::OutlierColumn).data().toString(), kNoValueText);
}

TEST(LayerTableProxy, SortsRawValuesWithAbsentOnesLast) {
    LayerTableModel model;
    LayerTableProxy proxy;
    proxy.setSourceModel(&model);
    proxy.setSortRole(LayerTableModel::SortRole);
    const auto layers = modelWithLayers({"a", "b", "c"});
    model.setData(dataFor(layers, partialRun(layers)));
    auto names = [&] {
        QString text;
        for (int row = 0; row < proxy.rowCount(); ++row)
            text += proxy.index(row, 0).data().toString();
        return text;
    };
    // 32, 64 and 96 parameters: as text 96 would not come after 64 and "1,024".
    proxy.sort(Column::ParametersColumn, Qt::DescendingOrder);
    EXPECT_EQ(names(), "cba");
    for (const auto order : {Qt::AscendingOrder, Qt::DescendingOrder}) {
        proxy.sort(Column::WeightSqnrColumn, order);
        EXPECT_EQ(names().left(1), "a");
    }
}

TEST(LayerTableProxy, FiltersByNameKindAndMethod) {
    LayerTableModel model;
    LayerTableProxy proxy;
    proxy.setSourceModel(&model);
    model.setData(dataFor(modelWithLayers({"layers.0.q_proj", "layers.1.q_proj", "head"})));
    proxy.setFilterRegularExpression(QRegularExpression("^layers\\.\\d+\\.q"));
    EXPECT_EQ(proxy.rowCount(), 2);
    proxy.setFilterRegularExpression(QRegularExpression("linear"));
    EXPECT_EQ(proxy.rowCount(), 3);
    proxy.setFilterRegularExpression(QRegularExpression("gptq"));
    EXPECT_EQ(proxy.rowCount(), 0);
}

TEST(LayerTreeModel, PassesTheModelTester) {
    LayerTreeModel model;
    const QAbstractItemModelTester tester(&model, kFatal);
    model.setModel(
        modelWithLayers({"m.blocks.0.fc1", "m.blocks.0.fc2", "m.blocks.1.fc1", "m.head", "odd..name", "."}));
    model.setModel(modelWithLayers({}));
    model.setModel(nullptr);
    EXPECT_EQ(model.rowCount(), 0);
}

TEST(LayerTreeModel, FoldersSumTheirLayersAndSingleChildrenAreJoined) {
    LayerTreeModel model;
    // 32, 64 and 96 weights.
    model.setModel(modelWithLayers({"m.blocks.0.attn.q", "m.blocks.0.attn.k", "m.blocks.1.fc"}));
    ASSERT_EQ(model.rowCount(), 1);
    const QModelIndex root = model.index(0, 0);
    EXPECT_EQ(root.data().toString(), "m.blocks");
    EXPECT_EQ(root.siblingAtColumn(LayerTreeModel::ParametersColumn).data().toString(), "192");
    EXPECT_EQ(root.data(LayerTreeModel::LayerIdsRole).value<QList<int>>(), (QList<int>{0, 1, 2}));
    ASSERT_EQ(model.rowCount(root), 2);
    EXPECT_EQ(model.index(0, 0, root).data().toString(), "0.attn");
    EXPECT_EQ(model.index(1, 0, root).data().toString(), "1.fc");
}

TEST(LayerTreeModel, FindsEveryLayer) {
    LayerTreeModel model;
    model.setModel(modelWithLayers({"a.b.c", "a.b.d", "e", "a.b.c#2"}));
    for (int layer = 0; layer < 4; ++layer) {
        const QModelIndex index = model.indexOfLayer(layer);
        ASSERT_TRUE(index.isValid());
        EXPECT_EQ(index.data(LayerTreeModel::LayerIdsRole).value<QList<int>>(), QList<int>{layer});
    }
    EXPECT_FALSE(model.indexOfLayer(4).isValid());
    EXPECT_FALSE(model.indexOfLayer(kNoLayer).isValid());
}

} // namespace
} // namespace qs::views
