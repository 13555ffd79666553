#include "tests/views/chart_fixtures.h"
#include "tests/views/workbench_fixture.h"
#include "views/number_line/format_table_model.h"
#include "views/number_line/number_line_chart.h"
#include "views/number_line/number_line_controls.h"
#include "views/number_line/number_line_dock.h"

#include "core/base/random.h"

#include <QAbstractItemModelTester>
#include <QComboBox>
#include <QLabel>
#include <QPushButton>
#include <QSignalSpy>
#include <QTest>
#include <QToolButton>
#include <gmock/gmock.h>
#include <qcustomplot.h>

namespace qs::views {
namespace {

using testing::HasSubstr;

std::vector<float> normalValues(std::size_t count) {
    Random random(4);
    std::vector<float> values(count);
    for (float &value : values)
        value = static_cast<float>(random.normal());
    return values;
}

std::shared_ptr<NumberLineTable> tableOf(const std::vector<float> &values,
                                         const std::vector<std::string> &ids) {
    auto prepared = std::make_shared<NumberLineValues>();
    prepared->title = "values";
    prepared->valueName = "weight value";
    prepared->sorted = SortedValues::build(values, {}).value();
    if (const auto sorted = prepared->sorted.values(); !sorted.empty())
        prepared->extent = {sorted.front(), sorted.back()};
    auto table = std::make_shared<NumberLineTable>();
    table->values = prepared;
    for (const std::string &id : ids)
        table->rows.push_back(numberLineRow(prepared->sorted, **findFormat(id), {}, prepared->extent));
    table->current = 0;
    table->best = bestRow(table->rows);
    return table;
}

int pixelOf(NumberLineChart &chart, double value) {
    return static_cast<int>(std::lround(chart.plot().xAxis->coordToPixel(value)));
}

TEST(FormatTableModel, MarksTheBestAndSampledFigures) {
    FormatTableModel model;
    const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    const auto table = tableOf(normalValues(1000), {"int2-s2", "int8-s2", "post4"});
    model.setTable(table);
    ASSERT_EQ(model.rowCount(), 3);
    const auto text = [&](int row, int column) {
        return model.index(row, column).data().toString().toStdString();
    };
    EXPECT_THAT(text(1, FormatTableModel::Format), HasSubstr("★"));
    EXPECT_THAT(text(0, FormatTableModel::Format), testing::Not(HasSubstr("★")));
    EXPECT_THAT(text(2, FormatTableModel::Format), HasSubstr("experimental"));
    EXPECT_EQ(text(2, FormatTableModel::ZeroPoint), "—");
    EXPECT_EQ(text(0, FormatTableModel::UsedPoints), "3 of 3");
    EXPECT_EQ(text(1, FormatTableModel::Range), "minmax");
    auto sampled = std::make_shared<NumberLineTable>(*table);
    auto values = std::make_shared<NumberLineValues>(*table->values);
    values->sorted = SortedValues::sample(normalValues(5000), 100, 1);
    sampled->values = values;
    model.setTable(sampled);
    EXPECT_THAT(text(0, FormatTableModel::Mse), HasSubstr("≈"));
    EXPECT_THAT(text(0, FormatTableModel::Scale), testing::Not(HasSubstr("≈")));
}

TEST(NumberLineChart, DraggingAHandleAsksForItsRange) {
    NumberLineChart chart;
    chart.resize(700, 500);
    chart.show();
    chart.setTable(tableOf(normalValues(2000), {"int4-asymmetric", "int4-s2"}));
    chart.grab();
    QSignalSpy wishes(&chart, &NumberLineChart::clipWished);
    const auto drag = [&](double from, double to, int y) {
        QTest::mousePress(&chart.plot(), Qt::LeftButton, {}, {pixelOf(chart, from), y});
        QTest::mouseMove(&chart.plot(), {pixelOf(chart, to), y});
        QTest::mouseRelease(&chart.plot(), Qt::LeftButton, {}, {pixelOf(chart, to), y});
    };
    const double width = chart.plot().xAxis->range().size() / chart.plot().axisRect()->width(); // of a pixel
    chart.plot().replot(); // lays the rows out
    auto rects = chart.plot().axisRects();
    ASSERT_EQ(rects.size(), 3);
    std::sort(rects.begin(), rects.end(), [](QCPAxisRect *a, QCPAxisRect *b) { return a->top() < b->top(); });
    const auto full = tableOf(normalValues(2000), {"int4-asymmetric", "int4-s2"})->values->extent;
    const QCPRange before = chart.plot().xAxis->range();
    drag(full.hi, 1.5, rects[0]->center().y()); // on the histogram: of the current row
    ASSERT_EQ(wishes.size(), 1);
    EXPECT_EQ(wishes[0][0].toInt(), 0);
    EXPECT_NEAR(wishes[0][1].toDouble(), full.lo, 1e-9);
    EXPECT_NEAR(wishes[0][2].toDouble(), 1.5, width);
    const double amax = std::max(-full.lo, full.hi);
    drag(-amax, -2, rects[2]->center().y()); // on the second row: symmetric
    ASSERT_EQ(wishes.size(), 2);
    EXPECT_EQ(wishes[1][0].toInt(), 1);
    EXPECT_NEAR(wishes[1][1].toDouble(), -2, width);
    EXPECT_DOUBLE_EQ(wishes[1][2].toDouble(), -wishes[1][1].toDouble());
    EXPECT_EQ(chart.plot().xAxis->range(), before) << "a drag of a handle does not pan";
    drag(0.4, 1, rects[0]->center().y()); // beside the handles: pans
    EXPECT_EQ(wishes.size(), 2);
    EXPECT_NE(chart.plot().xAxis->range(), before);
    for (QCPAxisRect *rect : rects)
        EXPECT_EQ(rect->axis(QCPAxis::atBottom)->range(), chart.plot().xAxis->range());
}

TEST(NumberLineChart, KeysMoveTheEnds) {
    NumberLineChart chart;
    chart.resize(700, 400);
    const auto table = tableOf(normalValues(2000), {"int4-asymmetric"});
    chart.setTable(table);
    QSignalSpy wishes(&chart, &NumberLineChart::clipWished);
    QTest::keyClick(&chart, Qt::Key_Left, Qt::ShiftModifier);
    QTest::keyClick(&chart, Qt::Key_Right, Qt::ControlModifier);
    ASSERT_EQ(wishes.size(), 2);
    EXPECT_LT(wishes[0][2].toDouble(), table->rows[0].clip.hi);
    EXPECT_EQ(wishes[0][1].toDouble(), table->rows[0].clip.lo);
    EXPECT_GT(wishes[1][1].toDouble(), table->rows[0].clip.lo);
    QTest::keyClick(&chart, Qt::Key_Left); // pans as in all charts
    EXPECT_EQ(wishes.size(), 2);
}

TEST(NumberLineChart, ErrorsOfABinAddUp) {
    NumberLineChart chart;
    chart.resize(600, 400);
    const auto table = tableOf(normalValues(3000), {"fp4-e2m1"});
    chart.setTable(table);
    double sum = 0;
    for (const QCPGraphData &point : *chart.plot().graph(1)->data())
        sum += point.value;
    EXPECT_NEAR(sum, table->rows[0].error.squaredError(), 1e-9);
    EXPECT_EQ(chart.plot().graph(2)->dataCount(), 15); // the points of E2M1
    double count = 0;
    for (const QCPGraphData &point : *chart.plot().graph(0)->data())
        count += point.value;
    EXPECT_EQ(count, 3000);
}

TEST(NumberLineChart, SurvivesDegenerateTablesAndChangesOfRows) {
    NumberLineChart chart;
    chart.resize(500, 300);
    for (const auto &values : {std::vector<float>{}, std::vector<float>{3.0f}, std::vector<float>(50, 0.0f),
                               std::vector<float>(50, -2.0f), std::vector<float>{1, 2, 3e30f, -1e-40f}})
        for (const auto &ids :
             {std::vector<std::string>{}, {"nf4"}, {"int8-s2", "int2-asymmetric", "mxfp4"}}) {
            chart.setTable(tableOf(values, ids));
            EXPECT_FALSE(chart.grab().isNull());
            QTest::mouseMove(&chart.plot(), {200, 100});
            chart.fit();
        }
    EXPECT_EQ(chart.plot().axisRectCount(), 4);
}

class NumberLineView : public WorkbenchTest {
protected:
    void openCnn() {
        ASSERT_TRUE(open("glyph-cnn.onnx"));
        m_context.select(Selection::ofLayer(2));
        m_dock.resize(900, 700);
        m_dock.show();
        ASSERT_TRUE(wait());
        ASSERT_TRUE(m_dock.table());
    }
    template <typename Widget>
    Widget *named(const QString &text) {
        for (auto *widget : m_dock.controls().template findChildren<Widget *>())
            if (widget->text() == text || widget->accessibleName() == text)
                return widget;
        return nullptr;
    }
    QComboBox *comboWith(const QString &entry) {
        for (auto *combo : m_dock.controls().findChildren<QComboBox *>())
            if (combo->findText(entry) >= 0)
                return combo;
        return nullptr;
    }
    void choose(const QString &entry) {
        QComboBox *combo = comboWith(entry);
        combo->setCurrentIndex(combo->findText(entry));
        emit combo->activated(combo->currentIndex());
        ASSERT_TRUE(wait());
    }

    NumberLineDock m_dock{m_context};
};

TEST_F(NumberLineView, SaysWhatIsMissing) {
    m_dock.show();
    ASSERT_TRUE(wait());
    bool told = false;
    for (const auto *text : m_dock.findChildren<QLabel *>())
        told |= text->text().contains("No model is open");
    EXPECT_TRUE(told);
    EXPECT_FALSE(m_dock.table());
}

TEST_F(NumberLineView, ShowsTheSelectedLayerAndKeepsFormats) {
    openCnn();
    EXPECT_EQ(m_dock.table()->rows.size(), 3u);
    EXPECT_TRUE(m_dock.badge().contains("exact"));
    QComboBox *formats = comboWith("MXFP4 E2M1, scale 2ⁿ");
    formats->setCurrentIndex(formats->findData("mxfp4"));
    named<QToolButton>("Add format")->click();
    ASSERT_EQ(m_dock.table()->rows.size(), 4u);
    const auto count = m_dock.table()->values->sorted.count();
    m_context.select(Selection::ofLayer(4));
    ASSERT_TRUE(wait());
    EXPECT_EQ(m_dock.table()->rows.size(), 4u);
    EXPECT_EQ(m_dock.table()->rows[3].format->id, "mxfp4");
    EXPECT_NE(m_dock.table()->values->sorted.count(), count);
    named<QToolButton>("Remove format")->click();
    EXPECT_EQ(m_dock.table()->rows.size(), 3u);
}

TEST_F(NumberLineView, DraggedRangeChangesTheErrorsOfAllFormats) {
    openCnn();
    emit m_dock.chart().clipWished(0, -0.01, 0.01);
    for (const NumberLineRow &row : m_dock.table()->rows) {
        EXPECT_EQ(row.clip.hi, 0.01);
        EXPECT_EQ(row.choice.kind, ClipChoice::Kind::Fixed);
        const FormatError expected =
            formatError(m_dock.table()->values->sorted, codePoints(*row.format, -0.01, 0.01));
        EXPECT_EQ(row.error.squaredError(), expected.squaredError());
    }
    // Another layer: a range in other units means nothing there.
    m_context.select(Selection::ofLayer(4));
    ASSERT_TRUE(wait());
    EXPECT_EQ(m_dock.table()->rows[0].choice.kind, ClipChoice::Kind::Rule);
}

TEST_F(NumberLineView, TypedEndsOfSymmetricRangesCount) {
    openCnn();
    auto boxes = m_dock.controls().findChildren<QDoubleSpinBox *>();
    ASSERT_EQ(boxes.size(), 2);
    boxes[0]->setValue(-0.02); // From
    EXPECT_EQ(m_dock.table()->rows[0].clip.hi, 0.02);
    EXPECT_EQ(boxes[1]->value(), 0.02);
    boxes[1]->setValue(0.03); // To
    EXPECT_EQ(m_dock.table()->rows[0].clip.lo, -0.03);
}

TEST_F(NumberLineView, ExportsFigureAndData) {
    openCnn();
    FigureRequest request;
    const auto svg = m_dock.chart().prepareFigure(request)({});
    ASSERT_TRUE(svg) << svg.error().text();
    EXPECT_THAT(*svg, testing::AllOf(HasSubstr("<svg"), HasSubstr("NF4")));
    request.format = FigureRequest::Format::Csv;
    const auto csv = m_dock.chart().prepareFigure(request)({});
    ASSERT_TRUE(csv) << csv.error().text();
    EXPECT_THAT(*csv,
                testing::AllOf(HasSubstr("squared error of NF4"), HasSubstr("code points of FP4 E2M1")));
}

TEST_F(NumberLineView, BestRangeIsFoundPerFormatAndCannotGoIntoTheRecipe) {
    openCnn();
    const double before = m_dock.table()->rows[1].error.mse();
    choose("best MSE");
    EXPECT_LE(m_dock.table()->rows[1].error.mse(), before);
    EXPECT_EQ(m_dock.table()->rows[1].choice.kind, ClipChoice::Kind::Best);
    auto *apply = named<QPushButton>("Put into recipe");
    EXPECT_FALSE(apply->isEnabled());
    EXPECT_TRUE(apply->toolTip().contains("best MSE"));
}

TEST_F(NumberLineView, RuleAndFormatGoIntoTheRecipeAndBack) {
    openCnn();
    const Recipe before = m_context.recipe();
    choose("percentile 99.99");
    auto *apply = named<QPushButton>("Put into recipe");
    ASSERT_TRUE(apply->isEnabled()) << apply->toolTip().toStdString();
    apply->click();
    const auto choice = m_context.recipe().choiceFor(m_context.model()->layers[2].name);
    ASSERT_TRUE(choice.weight);
    EXPECT_EQ(choice.weight->scheme.grid.bits, 4);
    EXPECT_EQ(choice.weight->scheme.grid.convention, GridConvention::SymmetricRestricted);
    EXPECT_EQ(choice.weight->scheme.grid.rule.kind, RangeRule::Kind::Percentile);
    EXPECT_EQ(choice.weight->scheme.granularity, Granularity::PerTensor);
    m_context.undoStack().undo();
    EXPECT_EQ(m_context.recipe(), before);
}

TEST_F(NumberLineView, TheRunsOwnGridIsARow) {
    openCnn();
    WeightChoice weights;
    weights.scheme.grid.bits = 4;
    weights.scheme.granularity = Granularity::PerTensor;
    m_context.setRecipe(uniformRecipe({}, weights, {}));
    m_context.startRun();
    ASSERT_TRUE(wait());
    const auto table = m_dock.table();
    ASSERT_EQ(table->rows.size(), 4u);
    EXPECT_EQ(table->rows[0].choice.kind, ClipChoice::Kind::Own);
    const auto &result = *m_context.run()->layers[2];
    EXPECT_FLOAT_EQ(static_cast<float>(table->rows[0].points.scale), result.quantized.weight->scales[0]);
    // Round to nearest takes the nearest code, so its error is that of the run.
    EXPECT_NEAR(table->rows[0].error.mse(), result.weightError->mse(), 1e-9 * result.weightError->mse());
}

TEST_F(NumberLineView, TensorsThatAreNotFiniteSaySo) {
    constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
    NumberLineRequest request;
    request.model = twoLayerModel(std::vector<float>(12, kNaN));
    request.layer = 0;
    const auto values = prepareNumberLine(request, [](const auto &) { FAIL(); }, {});
    ASSERT_TRUE(values);
    EXPECT_EQ((*values)->sorted.count(), 0);
    EXPECT_EQ((*values)->sorted.nanCount(), 12);
}

TEST(PrepareNumberLine, LargeTensorsAreSeenSampledFirst) {
    // 2 M values: a matrix [4, 524288].
    GraphBuilder builder;
    builder.addInput(builder.value("x"));
    const std::vector<float> weights = normalValues(std::size_t{4} << 19);
    ASSERT_TRUE(builder.addConstant(builder.value("w"), Tensor::fromValues<float>({1 << 19, 4}, weights)));
    Node node;
    node.name = "/fc/MatMul";
    node.opType = "MatMul";
    node.inputs = {builder.value("x"), builder.value("w")};
    node.outputs = {builder.value("y")};
    ASSERT_TRUE(builder.addNode(std::move(node)));
    builder.addOutput(builder.value("y"));
    auto graph = std::move(builder).finish();
    ASSERT_TRUE(graph);
    auto model = std::make_shared<Model>();
    model->graph = std::move(*graph);
    model->layers = findLayers(model->graph);
    std::shared_ptr<const NumberLineValues> early;
    NumberLineRequest request;
    request.model = model;
    request.layer = 0;
    const auto all = prepareNumberLine(request, [&](auto sample) { early = sample; }, {});
    ASSERT_TRUE(all && early);
    EXPECT_FALSE(early->sorted.isExact());
    EXPECT_EQ(early->extent.hi, (*all)->sorted.values().back()) << "min-max is exact from the start";
    EXPECT_TRUE((*all)->sorted.isExact());
    const CodePoints points = codePoints(**findFormat("int4-s2"), -4, 4);
    const double sampled = formatError(early->sorted, points).mse(),
                 exact = formatError((*all)->sorted, points).mse();
    EXPECT_NEAR(sampled, exact, 0.02 * exact);
}

} // namespace
} // namespace qs::views
