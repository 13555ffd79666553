#include "views/method_bench/method_bench_dock.h"

#include "tests/views/workbench_fixture.h"
#include "views/canvas/heat_map_canvas.h"
#include "views/method_bench/error_maps_page.h"
#include "views/method_bench/trial_model.h"
#include "views/method_bench/trial_page.h"
#include "views/recipe_editor/weight_form.h"

#include <QComboBox>
#include <QPushButton>
#include <QTabWidget>
#include <QTableView>
#include <QTest>
#include <gmock/gmock.h>

namespace qs::views {
namespace {

constexpr LayerId kLayer = 3;

class MethodBenchDockTest : public WorkbenchTest {
protected:
    void quantize(int bits) {
        Recipe recipe = m_context.recipe();
        recipe.rules.front().layers = ".*";
        recipe.rules.front().choice.weight->scheme.grid.bits = bits;
        m_context.setRecipe(recipe);
        m_context.startRun();
        ASSERT_TRUE(wait());
    }
    /// Two runs of the small network, the dock on a page.
    template <typename Page>
    Page &showPage() {
        EXPECT_TRUE(open("glyph-cnn.onnx"));
        EXPECT_TRUE(open("glyph-calib.h5"));
        quantize(8);
        quantize(4);
        m_context.select(Selection::ofLayer(kLayer));
        auto *page = dock.findChild<Page *>();
        dock.pages().setCurrentWidget(page);
        dock.setFloating(true);
        dock.resize(1200, 800);
        static_cast<QWidget &>(dock).show();
        EXPECT_TRUE(QTest::qWaitForWindowExposed(&dock));
        EXPECT_TRUE(wait());
        return *page;
    }
    bool eventually(const std::function<bool()> &condition) { return QTest::qWaitFor(condition, 20000); }
    MethodBenchDock dock{m_context};
};

TEST_F(MethodBenchDockTest, ATrialEqualsARunAndCanBeAdopted) {
    TrialPage &page = showPage<TrialPage>();
    const auto *model = page.findChild<TrialModel *>();
    // The last row, of output SQNR, weight SQNR, effective bits, KL and SQNR in the network.
    const auto trial = [&](int row) {
        QStringList cells;
        for (int column = 1; column <= 5; ++column)
            cells << model->index(row, column).data(TrialModel::CopyRole).toString();
        return cells;
    };
    ASSERT_EQ(model->rowCount(), 3);
    ASSERT_TRUE(eventually([&] { return !trial(2).contains(QStringLiteral("—")); }));
    EXPECT_EQ(trial(2), trial(1)); // the recipe is that of the second run
    auto *bits = page.form().findChildren<QComboBox *>()[1];
    ASSERT_EQ(bits->currentText(), "INT4");
    bits->setCurrentIndex(bits->findText("INT8"));
    ASSERT_TRUE(eventually([&] { return trial(2) == trial(0); })) << trial(2).join(' ').toStdString();

    const Recipe before = m_context.recipe();
    for (QPushButton *button : page.findChildren<QPushButton *>())
        button->click();
    const std::string &name = m_context.model()->layers[kLayer].name;
    EXPECT_EQ(m_context.recipe().choiceFor(name).weight->scheme.grid.bits, 8);
    EXPECT_EQ(m_context.recipe().choiceFor(m_context.model()->layers[0].name).weight->scheme.grid.bits, 4);
    m_context.undoStack().undo();
    EXPECT_EQ(m_context.recipe(), before);
    EXPECT_EQ(errors(), 0);
}

TEST_F(MethodBenchDockTest, ErrorMapsMoveTogether) {
    ErrorMapsPage &page = showPage<ErrorMapsPage>();
    HeatMapCanvas &first = *page.maps()[0], &second = *page.maps()[1];
    ASSERT_TRUE(eventually([&] { return first.isVisible() && first.isComplete() && second.isComplete(); }));
    EXPECT_FALSE(page.maps()[2]->isVisible());
    EXPECT_EQ(first.scene().scale, second.scene().scale);
    first.zoomBy(3);
    ASSERT_TRUE(eventually([&] { return !second.panZoom().isFitted(); }));
    QTest::qWait(100);
    EXPECT_NEAR(first.shownCells().left(), second.shownCells().left(), 0.01);
    EXPECT_NEAR(first.shownCells().bottom(), second.shownCells().bottom(), 0.01);
    second.fit();
    EXPECT_TRUE(eventually([&] { return first.panZoom().isFitted(); }));
}

TEST_F(MethodBenchDockTest, PagesSayWhatIsMissing) {
    ErrorMapsPage &page = showPage<ErrorMapsPage>();
    m_context.setCompared(1, false);
    m_context.setCompared(2, false);
    ASSERT_TRUE(eventually([&] { return !page.maps()[0]->isVisible(); }));
    for (int i = 0; i < dock.pages().count(); ++i) { // every page without a ticked run and without a layer
        dock.pages().setCurrentIndex(i);
        m_context.select({});
        ASSERT_TRUE(wait());
        EXPECT_FALSE(dock.grab().isNull());
    }
    EXPECT_EQ(errors(), 0);
}

} // namespace
} // namespace qs::views
