#include "tests/support/temp_dir.h"
#include "tests/views/sweep_samples.h"
#include "tests/views/workbench_fixture.h"
#include "views/shared/sweep_document.h"
#include "views/sweep/sweep_dialog.h"
#include "views/sweep/sweep_dock.h"
#include "views/sweep/sweep_pareto_page.h"
#include "views/sweep/sweep_table_model.h"

#include "core/base/json_text.h"

#include <QAbstractItemModelTester>
#include <QAction>
#include <QApplication>
#include <QCheckBox>
#include <QClipboard>
#include <QComboBox>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QPushButton>
#include <QSignalSpy>
#include <QTableView>
#include <qcustomplot.h>

namespace qs::views {
namespace {

using State = SweepRecord::State;

int columnOf(const QAbstractItemModel &model, const QString &title) {
    for (int column = 0; column < model.columnCount(); ++column)
        if (model.headerData(column, Qt::Horizontal, Qt::DisplayRole).toString().startsWith(title))
            return column;
    ADD_FAILURE() << "no column " << title.toStdString();
    return 0;
}

TEST(SweepTableModel, PassesTheModelTesterAndTellsStatesInWords) {
    SweepTableModel model;
    const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    model.setResults(sampleResults());
    ASSERT_EQ(model.rowCount(), 7);
    const int state = columnOf(model, "State"), perplexity = columnOf(model, "Perplexity");
    EXPECT_EQ(model.index(0, state).data().toString(), "✓ done");
    EXPECT_EQ(model.index(6, state).data().toString(), "– not applicable");
    EXPECT_EQ(model.index(6, columnOf(model, "Reason")).data().toString(), "fc1: Fussy: needs 5 bits");
    EXPECT_EQ(model.index(2, columnOf(model, "Pareto")).data().toString(), "★");
    EXPECT_EQ(model.index(1, columnOf(model, "Pareto")).data().toString(), "");
    EXPECT_EQ(model.index(0, perplexity).data(SweepTableModel::SortRole).toDouble(), 5.6);
    EXPECT_FALSE(model.index(6, perplexity).data(SweepTableModel::SortRole).isValid());
    model.setResults(nullptr);
    EXPECT_EQ(model.rowCount(), 0);
}

TEST(SweepScatter, ShowsOneModelWithASeriesPerMethod) {
    SweepParetoPage page;
    page.resize(800, 500);
    page.setResults(sampleResults());
    EXPECT_EQ(page.scatter().front(), (std::vector<int>{3, 2, 0}));
    QStringList legend;
    for (int i = 0; i < page.scatter().plot().legend->itemCount(); ++i)
        legend << dynamic_cast<QCPPlottableLegendItem *>(page.scatter().plot().legend->item(i))
                      ->plottable()
                      ->name();
    EXPECT_TRUE(legend.contains("rtn") && legend.contains("gptq")) << legend.join(' ').toStdString();
    EXPECT_FALSE(legend.contains("fussy")) << "it has no point";
    EXPECT_EQ(page.scatter().plot().yAxis->scaleType(), QCPAxis::stLogarithmic) << "900 and 5.6 on one axis";
    page.setCurrent(5);
    EXPECT_EQ(page.scatter().front(), std::vector<int>{5}) << "the chart follows to the record's model";
    page.setCurrent(4);
    EXPECT_EQ(page.scatter().front(), std::vector<int>{4}) << "… and activations";
    page.setResults(nullptr);
    EXPECT_TRUE(page.scatter().front().empty());
}

TEST(SweepScatter, ManyMethodsShareTheLastSeries) {
    auto results = std::make_shared<SweepResults>(*sampleResults());
    for (int i = 0; i < 30; ++i)
        results->records.push_back(recordOf("lm", "method" + std::to_string(i), 4, 4.25, 8 + i));
    SweepParetoPage page;
    page.setResults(results);
    EXPECT_LE(page.scatter().plot().legend->itemCount(), 12);
    EXPECT_EQ(page.scatter().front(), (std::vector<int>{3, 2, 0}));
}

class SweepDockTest : public WorkbenchTest {
protected:
    TempDir m_folder;
    SweepDock *m_dock = nullptr;

    SweepDock &dock() {
        if (!m_dock) {
            m_dock = new SweepDock(m_context);
            m_window.reset(m_dock);
            m_dock->setFloating(true);
            m_dock->resize(1000, 600);
            m_dock->show();
            QCoreApplication::processEvents();
        }
        return *m_dock;
    }
    QString write(const SweepResults &results) {
        return QString::fromStdString(m_folder.write("results.json", jsonText(sweepToJson(results))));
    }
    QTableView &table() { return *dock().findChild<QTableView *>(); }

private:
    std::unique_ptr<QWidget> m_window;
};

TEST_F(SweepDockTest, ResultFileIsToldFromARecipe) {
    EXPECT_TRUE(isSweepFile(write(*sampleResults()).toStdString()));
    EXPECT_FALSE(isSweepFile(m_folder.write("recipe.json", jsonText(Recipe{}.toJson()))));
    EXPECT_FALSE(isSweepFile(m_folder.path()));
}

TEST_F(SweepDockTest, OpensAResultFileLikeAnyOther) {
    QSignalSpy revealed(&m_context, &WorkbenchContext::revealRequested);
    SweepDocument::of(m_context).open(write(*sampleResults()));
    ASSERT_TRUE(wait());
    EXPECT_EQ(revealed.takeLast().front().toString(), "sweep");
    EXPECT_EQ(table().model()->rowCount(), 7);
    EXPECT_EQ(errors(), 0);
}

TEST_F(SweepDockTest, WhatEveryRowSaysIsSaidOnce) {
    auto results = std::make_shared<SweepResults>(*sampleResults());
    std::erase_if(results->records, [](const SweepRecord &record) { return record.job.model != "lm"; });
    SweepDocument::of(m_context).open(write(*results));
    ASSERT_TRUE(wait());
    SweepTableModel model;
    model.setResults(results);
    EXPECT_TRUE(table().isColumnHidden(columnOf(model, "Model")));
    EXPECT_FALSE(table().isColumnHidden(columnOf(model, "Method")));
    const auto labels = dock().findChildren<QLabel *>();
    EXPECT_TRUE(std::any_of(labels.begin(), labels.end(), [](const QLabel *label) {
        return label->text().contains("in every row: Model lm");
    }));
    SweepDocument::of(m_context).open(write(*sampleResults()));
    ASSERT_TRUE(wait());
    EXPECT_FALSE(table().isColumnHidden(columnOf(model, "Model"))) << "several models";
}

TEST_F(SweepDockTest, BrokenFileIsAFindingAndTheOldResultsStay) {
    SweepDocument::of(m_context).open(write(*sampleResults()));
    ASSERT_TRUE(wait());
    const auto broken = m_folder.write("broken.json", "{\"quantoscope-sweep\": 1, \"models\": 7}");
    SweepDocument::of(m_context).open(QString::fromStdString(broken));
    ASSERT_TRUE(wait());
    EXPECT_EQ(errors(), 1);
    EXPECT_EQ(table().model()->rowCount(), 7);
}

TEST_F(SweepDockTest, FilterTakesWordsAndExpressions) {
    SweepDocument::of(m_context).open(write(*sampleResults()));
    ASSERT_TRUE(wait());
    auto *filter = dock().findChild<QLineEdit *>();
    filter->setText("gptq");
    EXPECT_EQ(table().model()->rowCount(), 2);
    filter->setText("^(gptq|fussy)$");
    EXPECT_EQ(table().model()->rowCount(), 3);
    filter->setText("(");
    EXPECT_EQ(table().model()->rowCount(), 0) << "no expression: taken as it is";
    filter->clear();
    EXPECT_EQ(table().model()->rowCount(), 7);
}

TEST_F(SweepDockTest, CopiesTablesAndAdoptsARecipe) {
    SweepDocument::of(m_context).open(write(*sampleResults()));
    ASSERT_TRUE(wait());
    dock().findChild<QAction *>("copy_md")->trigger();
    EXPECT_TRUE(QApplication::clipboard()->text().startsWith("| Model | Method |"));
    dock().findChild<QAction *>("copy_tex")->trigger();
    EXPECT_TRUE(QApplication::clipboard()->text().contains("\\toprule"));
    table().selectRow(3);
    dock().findChild<QAction *>("use_recipe")->trigger();
    EXPECT_EQ(m_context.recipe(), sampleResults()->records[3].job.recipe);
    m_context.undoStack().undo();
    EXPECT_NE(m_context.recipe(), sampleResults()->records[3].job.recipe);
}

TEST_F(SweepDockTest, SweepFromTheDialogFillsTableAndFile) {
    ASSERT_TRUE(open("glyph-cnn.onnx"));
    ASSERT_TRUE(open("glyph-calib.h5"));
    SweepDialog dialog(m_context);
    auto *file = dialog.findChildren<QLineEdit *>().last();
    const QString target = QString::fromStdString(m_folder.path() / "cnn.json");
    file->setText(target);
    for (QCheckBox *box : dialog.findChildren<QCheckBox *>())
        if (box->property("bitWidth").isValid())
            box->setChecked(box->property("bitWidth").toInt() % 4 == 0 &&
                            box->property("bitWidth").toInt() != 8);
    for (QSpinBox *box : dialog.findChildren<QSpinBox *>())
        if (box->accessibleName().contains("samples"))
            box->setValue(8);
    EXPECT_EQ(dialog.whyNot().toStdString(), "");
    const SweepPlan plan = dialog.plan();
    EXPECT_EQ(plan.methods, std::vector<std::string>{"rtn"});
    EXPECT_EQ(plan.bits, std::vector<int>{4});
    EXPECT_EQ(plan.activationBits, (std::vector<int>{0, 4}));
    EXPECT_EQ(plan.calibrationSamples, 8);
    dock();
    SweepDocument::of(m_context).start(plan, dialog.file());
    EXPECT_TRUE(SweepDocument::of(m_context).isRunning());
    EXPECT_FALSE(SweepDocument::of(m_context).whyNotStart().isEmpty());
    ASSERT_TRUE(wait());
    EXPECT_EQ(errors(), 0);
    EXPECT_EQ(table().model()->rowCount(), 2);
    const auto inFile = readSweep(target.toStdString());
    ASSERT_TRUE(inFile);
    EXPECT_EQ(jsonText(sweepToJson(*inFile)), jsonText(sweepToJson(*SweepDocument::of(m_context).results())));
}

TEST_F(SweepDockTest, StoppedSweepShowsWhatWasFinished) {
    ASSERT_TRUE(open("glyph-vit.onnx"));
    ASSERT_TRUE(open("glyph-calib.h5"));
    SweepPlan plan;
    plan.models = {SweepDocument::of(m_context).openModel()};
    plan.methods = {"rtn"};
    plan.bits = {8, 7, 6, 5, 4, 3, 2};
    plan.jobsAtOnce = 1;
    const QString file = QString::fromStdString(m_folder.path() / "vit.json");
    dock();
    SweepDocument::of(m_context).start(plan, file);
    ASSERT_TRUE(waitUntil([&] { return SweepDocument::of(m_context).results() != nullptr; }));
    SweepDocument::of(m_context).stop();
    ASSERT_TRUE(wait());
    ASSERT_TRUE(SweepDocument::of(m_context).results());
    EXPECT_GT(table().model()->rowCount(), 0);
    EXPECT_EQ(table().model()->rowCount(), static_cast<int>(readSweep(file.toStdString())->records.size()));
    EXPECT_EQ(errors(), 0) << "stopping is no failure";
}

TEST_F(SweepDockTest, DialogTellsTheMemoryLimitAndHandsItOn) {
    ASSERT_TRUE(open("glyph-cnn.onnx"));
    const auto told = [](const SweepDialog &dialog) {
        return std::ranges::any_of(dialog.findChildren<QLabel *>(), [](const QLabel *label) {
            return label->text().contains("at most 512 MiB");
        });
    };
    EXPECT_FALSE(told(SweepDialog(m_context)));
    m_context.setMemoryLimit(std::int64_t(512) << 20);
    SweepDialog dialog(m_context);
    EXPECT_TRUE(told(dialog));
    EXPECT_EQ(dialog.plan().memoryLimit, m_context.memoryLimit());
}

TEST_F(SweepDockTest, DialogSaysWhatIsMissing) {
    {
        SweepDialog dialog(m_context);
        EXPECT_TRUE(dialog.whyNot().contains("Open a model"));
    }
    ASSERT_TRUE(open("glyph-cnn.onnx"));
    SweepDialog dialog(m_context);
    auto *start = dialog.findChildren<QPushButton *>().last();
    for (QPushButton *button : dialog.findChildren<QPushButton *>())
        if (button->text().contains("Start"))
            start = button;
    EXPECT_TRUE(start->isEnabled()) << dialog.whyNot().toStdString();
    auto *chains = dialog.findChildren<QLineEdit *>().first();
    chains->setText("rtn+nonsense");
    EXPECT_FALSE(start->isEnabled());
    EXPECT_TRUE(dialog.whyNot().contains("nonsense"));
    chains->clear();
    auto *methods = dialog.findChild<QListWidget *>();
    for (int i = 0; i < methods->count(); ++i)
        methods->item(i)->setCheckState(Qt::Unchecked);
    EXPECT_TRUE(dialog.whyNot().contains("method"));
}

} // namespace
} // namespace qs::views
