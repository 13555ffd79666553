#include "tests/support/bundled_methods.h"
#include "tests/support/sample_run.h"
#include "tests/support/wait_until.h"
#include "views/method_bench/error_maps.h"
#include "views/method_bench/error_overlay.h"
#include "views/method_bench/layer_comparison_model.h"
#include "views/method_bench/layer_trial.h"
#include "views/method_bench/run_scatter.h"
#include "views/method_bench/run_table_model.h"
#include "views/method_bench/trial_model.h"
#include "views/shared/format_text.h"
#include "views/shared/table_tools.h"

#include <QAbstractItemModelTester>
#include <QAction>
#include <QApplication>
#include <QClipboard>
#include <QSignalSpy>
#include <QTableView>
#include <qcustomplot.h>

namespace qs::views {
namespace {

constexpr auto kFatal = QAbstractItemModelTester::FailureReportingMode::Fatal;

std::shared_ptr<const Model> cnn() {
    static const auto model = openSample(std::filesystem::path(QS_SAMPLE_DATA) / "glyph-cnn.onnx");
    return model;
}

RunEntry entryAt(int number, int bits, double kl) {
    WeightGridScheme scheme;
    scheme.grid.bits = bits;
    auto run = std::make_shared<qs::Run>(makeSampleRun(cnn(), scheme));
    run->name = "w" + std::to_string(bits);
    run->total.emplace().hasLogits = true;
    run->total->predictions = 1;
    run->total->sumKl = kl;
    return {number, run, true};
}

TEST(RunTableModel, PassesTheModelTesterAndStarsTheBestTickedRun) {
    RunTableModel model;
    const QAbstractItemModelTester tester(&model, kFatal);
    std::vector<RunEntry> runs{entryAt(1, 8, 0.01), entryAt(2, 4, 0.5), entryAt(3, 3, 0.7)};
    model.setRuns(runs, runs[1].run.get());
    ASSERT_EQ(model.rowCount(), 3);
    EXPECT_EQ(model.index(1, 0).data().toString(), "▸ #2 w4");
    EXPECT_TRUE(model.index(2, 1).data().toString().startsWith("★"));
    EXPECT_FALSE(model.index(2, 1).data(RunTableModel::CopyRole).toString().startsWith("★"));
    runs[2].compared = false;
    model.setRuns(runs, nullptr);
    EXPECT_FALSE(model.index(2, 1).data().toString().startsWith("★"));
    EXPECT_TRUE(model.index(1, 1).data().toString().startsWith("★"));
    QSignalSpy wished(&model, &RunTableModel::compareWished);
    EXPECT_TRUE(model.setData(model.index(0, 0), Qt::Unchecked, Qt::CheckStateRole));
    EXPECT_EQ(wished.takeFirst(), QVariantList({1, false}));
    model.setRuns({}, nullptr);
}

/// A trial with the choice of the recipe must give what the run gave, also behind transforms.
TEST(LayerTrial, IsQuantizedInTheModelThatTheTransformsMake) {
    FindingList findings;
    RunRequest request;
    request.model = openSample(std::filesystem::path(QS_SAMPLE_DATA) / "glyph-vit.onnx");
    request.executor = *Executor::create(request.model);
    request.calibration = *CalibrationSet::open(std::filesystem::path(QS_SAMPLE_DATA) / "glyph-calib.h5", {});
    request.methods = test::bundledMethods(findings);
    WeightChoice weights;
    weights.scheme.grid.bits = 4;
    request.recipe = uniformRecipe("smooth", weights, ActivationChoice{});
    request.recipe.transforms.push_back({".*", {"smoothquant", {{"insert_operators", true}}}});
    request.measureInNetwork = false;
    const auto run = executeRun(request, {}, findings, {});
    ASSERT_TRUE(run) << run.error().text();
    const LayerId layer = request.model->layers.back().id;
    const LayerResult &expected = *(*run)->layers[static_cast<std::size_t>(layer)];

    JobList jobs;
    LayerTrial trial(jobs, nullptr);
    const auto resultOf = [&](const TrialRequest &wanted) {
        std::shared_ptr<const LayerResult> result;
        const auto connection = QObject::connect(
            &trial, &LayerTrial::finished, [&](std::shared_ptr<const LayerResult> got) { result = got; });
        trial.start(wanted);
        EXPECT_TRUE(waitUntil([&] { return result != nullptr; }, 300000));
        QObject::disconnect(connection);
        return result;
    };
    TrialRequest wanted;
    wanted.layer = {request.model,       layer,  expected.choice, nullptr, request.methods,
                    request.recipe.seed, nullptr};
    wanted.recipe = request.recipe;
    wanted.executor = request.executor;
    wanted.calibration = request.calibration;
    for (const auto &prepared : {std::shared_ptr<const PreparedModel>(), (*run)->prepared}) {
        wanted.prepared = prepared;
        const auto got = resultOf(wanted);
        ASSERT_TRUE(got);
        EXPECT_EQ(got->quantized.weight->codes, expected.quantized.weight->codes);
        EXPECT_EQ(got->quantized.activation->scale, expected.quantized.activation->scale);
        wanted.recipe.name += "'"; // another recipe: nothing may be reused
    }
    wanted.recipe.transforms.clear();
    wanted.prepared = nullptr;
    EXPECT_NE(resultOf(wanted)->quantized.activation->scale, expected.quantized.activation->scale);
}

TEST(LayerComparisonModel, PutsRunsBesideEachOther) {
    LayerComparisonModel model;
    const QAbstractItemModelTester tester(&model, kFatal);
    model.setRuns(cnn(), {entryAt(1, 8, 0), entryAt(2, 4, 0)});
    model.setFigure(2); // effective bits
    ASSERT_EQ(model.columnCount(), 3);
    ASSERT_EQ(model.rowCount(), static_cast<int>(cnn()->layers.size()));
    EXPECT_TRUE(model.index(0, 2).data().toString().startsWith("★"));
    EXPECT_LT(model.index(0, 2).data(LayerComparisonModel::SortRole).toDouble(),
              model.index(0, 1).data(LayerComparisonModel::SortRole).toDouble());
    model.setFigure(3); // not measured
    EXPECT_FALSE(model.index(0, 1).data(LayerComparisonModel::SortRole).isValid());
}

TEST(ErrorOverlay, CountsEveryWeightOfEveryRun) {
    const auto data = prepareErrorOverlay(*cnn(), 1, {entryAt(1, 8, 0), entryAt(2, 3, 0)}, {});
    ASSERT_TRUE(data) << data.error().text();
    ASSERT_EQ((*data)->series.size(), 2U);
    for (const auto &series : (*data)->series) {
        double sum = 0;
        for (const double count : series.counts)
            sum += count;
        EXPECT_EQ(sum, static_cast<double>(cnn()->layers[1].parameters()));
    }
    EXPECT_GT((*data)->series[1].meanSquaredError, 100 * (*data)->series[0].meanSquaredError);
    ErrorOverlay chart;
    chart.setData(*data);
    EXPECT_EQ(chart.plot().graphCount(), 2);
    chart.setData(nullptr);
    EXPECT_EQ(chart.plot().graphCount(), 0);
}

TEST(ErrorMaps, ShareOneScaleAndHoldDequantizedMinusFloat) {
    const LayerId layer = 1;
    const auto data = prepareErrorMaps({cnn(), layer, {entryAt(1, 8, 0), entryAt(2, 3, 0)}, false}, {});
    ASSERT_TRUE(data) << data.error().text();
    ASSERT_EQ((*data)->scenes.size(), 2U);
    EXPECT_EQ((*data)->scenes[0].scale, (*data)->scenes[1].scale);
    const Tensor weights = *weightMatrix(cnn()->layers[1], cnn()->graph);
    const auto run = entryAt(2, 3, 0).run;
    const Tensor dequantized = run->layers[1]->quantized.weight->dequantize();
    const HeatMapData &map = *(*data)->scenes[1].data;
    double largest = 0;
    for (std::int64_t row = 0; row < map.rows(); ++row)
        for (std::int64_t col = 0; col < map.cols(); ++col) {
            const auto i = static_cast<std::size_t>(row * map.cols() + col);
            const float error = dequantized.values<float>()[i] - weights.values<float>()[i];
            ASSERT_EQ(map.value(row, col), error);
            largest = std::max(largest, static_cast<double>(std::abs(error)));
        }
    EXPECT_EQ((*data)->scenes[0].scale.hi, largest); // 3 bit errs most
}

TEST(ErrorMaps, DifferenceToTheFirstRunOfTheSameWeightsIsZero) {
    const auto data = prepareErrorMaps({cnn(), 1, {entryAt(1, 4, 0), entryAt(2, 4, 0)}, true}, {});
    ASSERT_TRUE(data);
    EXPECT_GT((*data)->scenes[0].data->highest(), 0); // the first stays an error
    EXPECT_EQ((*data)->scenes[1].data->highest(), 0);
    EXPECT_EQ((*data)->scenes[1].data->lowest(), 0);
}

TEST(ErrorMaps, RunsOfAnotherModelAndTooManyAreNamedNotDrawn) {
    static const auto vit = openSample(std::filesystem::path(QS_SAMPLE_DATA) / "glyph-vit.onnx");
    std::vector<RunEntry> runs{entryAt(1, 8, 0)};
    auto foreign = std::make_shared<qs::Run>(makeSampleRun(vit, {}));
    foreign->name = "foreign";
    runs.push_back({2, foreign, true});
    for (int number = 3; number <= 6; ++number)
        runs.push_back(entryAt(number, 4, 0));
    const auto data = prepareErrorMaps({cnn(), 0, runs, false}, {});
    ASSERT_TRUE(data);
    EXPECT_EQ((*data)->titles.size(), kMostErrorMaps);
    ASSERT_EQ((*data)->left.size(), 2U);
    EXPECT_EQ((*data)->left[0], "#2 foreign");
    const auto overlay = prepareErrorOverlay(*cnn(), 0, runs, {});
    ASSERT_TRUE(overlay);
    EXPECT_EQ((*overlay)->left, std::vector<std::string>{"#2 foreign"});
}

TEST(TrialModel, PutsTheTrialBelowTheRunsAndStarsTheBest) {
    TrialModel model;
    const QAbstractItemModelTester tester(&model, kFatal);
    const auto result = [](int bits) { return entryAt(1, bits, 0).run->layers[1]; };
    model.setRows({{"#1 w8", result(8), false}, {"trial", result(3), true}});
    ASSERT_EQ(model.rowCount(), 2);
    EXPECT_TRUE(model.index(1, 3).data().toString().startsWith("★")); // effective bits
    EXPECT_FALSE(model.index(1, 3).data(TrialModel::CopyRole).toString().startsWith("★"));
    model.setRows({{"#1 w8", nullptr, false}});
    EXPECT_EQ(model.index(0, 1).data().toString(), kNoValueText);
}

TEST(RunScatter, ShowsTheFrontOfRunsThatNoOtherBeats) {
    const std::vector<RunEntry> runs{entryAt(1, 8, 0.01), entryAt(2, 4, 0.5), entryAt(3, 6, 0.9)};
    std::vector<std::shared_ptr<const qs::Run>> plain;
    for (const RunEntry &entry : runs)
        plain.push_back(entry.run);
    const auto columns = compareRuns(plain);
    const auto kl = std::find_if(columns.begin(), columns.end(), [](const auto &c) { return c.id == "kl"; });
    RunScatter chart;
    chart.setRuns(runs, runs[0].run.get(), columns.front(), *kl);
    EXPECT_EQ(chart.front(), (std::vector<int>{2, 1})) << "6 bit is beaten by 4 bit";
    chart.clear();
    EXPECT_TRUE(chart.front().empty());
}

TEST(RunScatter, NamesOfPointsDoNotOverlap) {
    std::vector<RunEntry> runs;
    std::vector<std::shared_ptr<const qs::Run>> plain;
    for (int i = 0; i < 12; ++i) {
        runs.push_back(entryAt(i + 1, i < 10 ? 4 : 2, 0.1 + 1e-4 * i));
        plain.push_back(runs.back().run);
    }
    const std::vector<ComparisonColumn> columns = compareRuns(plain);
    const auto kl =
        std::find_if(columns.begin(), columns.end(), [](const auto &column) { return column.id == "kl"; });
    ASSERT_NE(kl, columns.end());
    RunScatter chart;
    chart.resize(500, 300);
    chart.setRuns(runs, nullptr, columns.front(), *kl);
    chart.grab();
    std::vector<QRectF> names;
    for (int i = 0; i < chart.plot().itemCount(); ++i)
        if (auto *label = dynamic_cast<QCPItemText *>(chart.plot().item(i));
            label && label->visible() && label->text().startsWith('#'))
            names.emplace_back(label->position->pixelPosition(),
                               QFontMetricsF(label->font()).size(0, label->text()));
    EXPECT_GE(names.size(), 3u); // crowded ones are left to the read-out
    EXPECT_LT(names.size(), runs.size());
    for (std::size_t i = 0; i < names.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            EXPECT_FALSE(names[i].intersects(names[j])) << i << ' ' << j;
}

TEST(TableCopy, CopiesHeaderAndRowsAsTabSeparatedText) {
    RunTableModel model;
    model.setRuns({entryAt(1, 8, 0.01), entryAt(2, 4, 0.5)}, nullptr);
    QTableView table;
    table.setModel(&model);
    table.setSelectionBehavior(QAbstractItemView::SelectRows);
    addCopyActions(table, RunTableModel::CopyRole)->trigger();
    const QStringList lines = QApplication::clipboard()->text().split('\n');
    ASSERT_EQ(lines.size(), 4); // header, two rows, the end
    EXPECT_TRUE(lines[0].startsWith("Run\tEffective bits bits/weight"));
    EXPECT_TRUE(lines[2].startsWith("#2 w4\t"));
}

} // namespace
} // namespace qs::views
