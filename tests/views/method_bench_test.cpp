#include "tests/support/sample_run.h"
#include "views/method_bench/error_overlay.h"
#include "views/method_bench/layer_comparison_model.h"
#include "views/method_bench/run_scatter.h"
#include "views/method_bench/run_table_model.h"
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

TEST(RunScatter, ShowsTheFrontOfRunsThatNoOtherBeats) {
    const std::vector<RunEntry> runs{entryAt(1, 8, 0.01), entryAt(2, 4, 0.5), entryAt(3, 6, 0.9)};
    std::vector<std::shared_ptr<const qs::Run>> plain;
    for (const RunEntry &entry : runs)
        plain.push_back(entry.run);
    const auto columns = compareRuns(plain);
    const auto kl = std::find_if(columns.begin(), columns.end(), [](const auto &c) { return c.id == "kl"; });
    RunScatter chart;
    chart.setRuns(runs, runs[0].run.get(), columns.front(), *kl);
    EXPECT_EQ(chart.plot().graph(0)->dataCount(), 2); // the front: 4 and 8 bit
    EXPECT_EQ(chart.plot().graph(1)->dataCount(), 1); // 6 bit is beaten by 4 bit
    chart.clear();
    EXPECT_EQ(chart.plot().graph(0)->dataCount(), 0);
}

TEST(TableCopy, CopiesHeaderAndRowsAsTabSeparatedText) {
    RunTableModel model;
    model.setRuns({entryAt(1, 8, 0.01), entryAt(2, 4, 0.5)}, nullptr);
    QTableView table;
    table.setModel(&model);
    table.setSelectionBehavior(QAbstractItemView::SelectRows);
    makeCopyAction(table, RunTableModel::CopyRole)->trigger();
    const QStringList lines = QApplication::clipboard()->text().split('\n');
    ASSERT_EQ(lines.size(), 4); // header, two rows, the end
    EXPECT_TRUE(lines[0].startsWith("Run\tEffective bits bits/weight"));
    EXPECT_TRUE(lines[2].startsWith("#2 w4\t"));
}

} // namespace
} // namespace qs::views
