#include "core/hardware/hardware_library.h"
#include "core/hardware/transformer_cost.h"
#include "tests/support/temp_dir.h"
#include "tests/views/workbench_fixture.h"
#include "views/roofline/breakdown_chart.h"
#include "views/roofline/operator_model.h"
#include "views/roofline/roofline_chart.h"
#include "views/roofline/roofline_controls.h"
#include "views/roofline/roofline_dock.h"
#include "views/roofline/step_slider.h"
#include "views/shared/file_kind.h"

#include <QAbstractItemModelTester>
#include <QComboBox>
#include <QLabel>
#include <QSignalSpy>
#include <QTableView>
#include <gmock/gmock.h>
#include <qcustomplot.h>

namespace qs::views {
namespace {

using testing::HasSubstr;

HardwareProfile someDevice() {
    HardwareProfile device;
    device.id = device.name = "some";
    device.bytesPerSecond = 1e12;
    device.memoryBytes = 24e9;
    device.peaks = {{ComputeType::Fp32, 1e13}, {ComputeType::Fp16, 1e14}, {ComputeType::Int8, 2e14}};
    return device;
}

NetworkDescription smallNetwork() {
    return *readNetworkConfig(std::filesystem::path(QS_SAMPLE_DATA) / "tiny-llama/config.json");
}

std::shared_ptr<const RooflineStudy> someStudy() {
    StudyRequest request;
    request.base.stage = Stage::Decode;
    request.base.sequence = 128;
    UniformPrecision eight;
    eight.weightBits = eight.activationBits = 8;
    request.plans = {uniformPlan("FP16", {}), uniformPlan("W8 A8", eight)};
    auto study = studyRoofline(TransformerCost(smallNetwork()), someDevice(), request, {});
    EXPECT_TRUE(study);
    return std::make_shared<const RooflineStudy>(std::move(*study));
}

TEST(OperatorModel, ShowsOperatorsWithUnitsAndFormulas) {
    OperatorModel model;
    const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    EXPECT_EQ(model.rowCount(), 0);
    const auto study = someStudy();
    model.setStudy(study, 1);
    ASSERT_EQ(model.rowCount(), static_cast<int>(study->precisions[1].line.operators.size()));
    const int row = model.rowOf("q_proj");
    ASSERT_GE(row, 0);
    EXPECT_EQ(model.index(row, OperatorModel::RoofType).data().toString(), "int8");
    EXPECT_EQ(model.index(row, OperatorModel::BoundBy).data().toString(), "memory");
    EXPECT_EQ(model.index(row, OperatorModel::Repeats).data().toString(), "4");
    const std::string tip =
        model.index(row, OperatorModel::Time).data(Qt::ToolTipRole).toString().toStdString();
    // 2 · 1 token · 256 · 256 operations; 65,536 weights at 8.125 bit.
    EXPECT_THAT(tip, testing::AllOf(HasSubstr("operations: 131 kOP = 2·M·K·N = 2·1·256·256"),
                                    HasSubstr("weights 66.6 kB"), HasSubstr("K·N·8.125"), HasSubstr("OP/B"),
                                    HasSubstr("max(operations / rate")));
    EXPECT_EQ(model.rowOf("nothing"), -1);
    model.setStudy(study, 7);
    EXPECT_EQ(model.rowCount(), 0);
}

TEST(RooflineChart, ClickOnAPointNamesItsOperator) {
    RooflineChart chart;
    chart.resize(700, 500);
    const auto study = someStudy();
    chart.setStudy(study, false);
    chart.grab(); // lays the axes out
    QSignalSpy clicks(&chart, &RooflineChart::operatorClicked);
    const auto &operators = study->precisions[0].line.operators;
    const auto head = std::find_if(operators.begin(), operators.end(),
                                   [](auto &cost) { return cost.work.name == "lm_head"; });
    ASSERT_NE(head, operators.end());
    emit chart.clicked(head->intensity, head->operationsPerSecond);
    ASSERT_EQ(clicks.size(), 1);
    EXPECT_EQ(operators[static_cast<std::size_t>(clicks[0][1].toInt())].intensity, head->intensity);
    emit chart.clicked(1e9, 1); // far from everything
    EXPECT_EQ(clicks.size(), 1);
    chart.setSelected("lm_head");
    // Every drawable operator is a point of some graph.
    std::size_t points = 0, drawable = 0;
    for (int i = 0; i < chart.plot().graphCount(); ++i)
        points += static_cast<std::size_t>(chart.plot().graph(i)->dataCount());
    for (const PrecisionStudy &precision : study->precisions)
        drawable += static_cast<std::size_t>(std::count_if(precision.line.operators.begin(),
                                                           precision.line.operators.end(),
                                                           [](auto &cost) { return cost.intensity > 0; }));
    EXPECT_EQ(points, drawable);
}

TEST(BreakdownChart, BarsAddUpToTheStudy) {
    const auto study = someStudy();
    BreakdownChart chart(BreakdownChart::What::Memory);
    chart.resize(400, 250);
    chart.setStudy(study);
    double sum = 0;
    for (int i = 0; i < chart.plot().plottableCount(); ++i)
        if (const auto *bars = qobject_cast<QCPBars *>(chart.plot().plottable(i)))
            for (const QCPBarsData &bar : *bars->data())
                sum += bar.key == 0 ? bar.value : 0;
    const std::string unit = chart.plot().xAxis->label().toStdString();
    ASSERT_THAT(unit, HasSubstr("[MB]"));
    EXPECT_NEAR(sum * 1e6, study->precisions[0].line.memory.total(), 1);
    chart.setStudy(nullptr);
    EXPECT_EQ(chart.plot().plottableCount(), 0);
}

TEST(StepSlider, TakesStepsAndExactValues) {
    StepSlider slider({1, 2, 4, 8}, {}, true, "Batch");
    QSignalSpy changes(&slider, &StepSlider::changed);
    slider.setValue(3);
    EXPECT_EQ(slider.value(), 3);
    EXPECT_EQ(changes.size(), 0);
    slider.findChild<QSlider *>()->setValue(3);
    EXPECT_EQ(slider.value(), 8);
    EXPECT_EQ(changes.size(), 1);
    slider.setAvailable("because");
    EXPECT_FALSE(slider.isEnabled());
    EXPECT_EQ(slider.toolTip(), "because");
}

class RooflineDockTest : public WorkbenchTest {
protected:
    void SetUp() override { dock.show(); }
    QString shown(const char *part) const {
        for (const QLabel *label : dock.findChildren<QLabel *>())
            if (label->isVisibleTo(&dock) && label->text().contains(QLatin1String(part)))
                return label->text();
        return {};
    }
    bool settled() {
        dock.refreshIfDirty();
        return wait();
    }
    RooflineDock dock{m_context};
};

TEST_F(RooflineDockTest, EmptyStateSaysWhatToOpen) {
    ASSERT_TRUE(settled());
    EXPECT_FALSE(shown("Open a model, or the config.json").isEmpty());
}

TEST_F(RooflineDockTest, SelectionIsLinkedBothWays) {
    ASSERT_TRUE(open("glyph-vit.onnx"));
    ASSERT_TRUE(settled());
    EXPECT_FALSE(shown("<b>FP16</b>").isEmpty());
    auto *chart = dock.findChild<RooflineChart *>();
    auto *table = dock.findChild<QTableView *>();
    const auto &layers = m_context.model()->layers;
    m_context.select(Selection::ofLayer(5));
    ASSERT_TRUE(settled());
    EXPECT_EQ(table->currentIndex().siblingAtColumn(0).data().toString().toStdString(), layers[5].name);
    // The point of another layer: find it through the table's model, then click there.
    for (int row = 0; row < table->model()->rowCount(); ++row)
        if (table->model()->index(row, 0).data().toString().toStdString() == layers[7].name)
            table->setCurrentIndex(table->model()->index(row, 0));
    EXPECT_EQ(m_context.selection().layer, 7);
    QSignalSpy clicks(chart, &RooflineChart::operatorClicked);
    emit chart->operatorClicked(0, 0);
    EXPECT_EQ(clicks.size(), 1);
    EXPECT_EQ(errors(), 0);
}

TEST_F(RooflineDockTest, ConfigIsOpenedByContentAndShown) {
    QSignalSpy reveals(&m_context, &WorkbenchContext::revealRequested);
    m_context.openFile(sample("tiny-llama/config.json"));
    ASSERT_TRUE(wait());
    ASSERT_TRUE(settled());
    ASSERT_TRUE(m_context.networkConfig());
    EXPECT_EQ(reveals.size(), 1);
    EXPECT_FALSE(shown("defects of LLM-Viewer").isEmpty());
    const auto *controls = dock.findChild<RooflineControls *>();
    EXPECT_EQ(controls->request().base.sequence, 256); // what the model was made for
    EXPECT_EQ(errors(), 0);
}

TEST_F(RooflineDockTest, DamagedConfigIsAFinding) {
    const TempDir folder;
    const auto file = folder.write("config.json", R"({"model_type": "llama", "hidden_size": 64})");
    m_context.openFile(QString::fromStdString(file));
    ASSERT_TRUE(wait());
    EXPECT_EQ(errors(), 1);
    EXPECT_THAT(lastFinding().what, HasSubstr("num_hidden_layers"));
    EXPECT_FALSE(m_context.networkConfig());
}

TEST(FileKindOfJson, ConfigsAndRecipesAreToldApart) {
    const TempDir folder;
    EXPECT_EQ(fileKind(folder.write("a", R"({"model_type": "llama"})")), FileKind::NetworkConfig);
    EXPECT_EQ(fileKind(folder.write("b", R"({"quantoscope-recipe": 1, "rules": []})")), FileKind::Recipe);
    EXPECT_EQ(fileKind(folder.write("c", R"({"quantoscope-recipe": )")), FileKind::Recipe);
    EXPECT_EQ(fileKind(folder.write("d", "weights")), FileKind::Other);
}

} // namespace
} // namespace qs::views
