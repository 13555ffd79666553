#include "tests/views/workbench_fixture.h"
#include "views/run_history/run_history_dock.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QMainWindow>
#include <QTextBrowser>
#include <QTreeWidget>

namespace qs::views {
namespace {

class RunHistoryDockTest : public WorkbenchTest {
protected:
    RunHistoryDockTest() {
        m_dock.setParent(&m_window);
        m_dock.setFloating(true);
        m_dock.show();
    }
    void run(int bits) {
        Recipe recipe = m_context.recipe();
        recipe.rules[0].choice.weight->scheme.grid.bits = bits;
        recipe.name = "w" + std::to_string(bits);
        m_context.setRecipe(recipe);
        m_context.startRun();
        ASSERT_TRUE(wait());
        m_dock.refreshIfDirty();
    }
    QTreeWidget *tree() const { return m_dock.findChild<QTreeWidget *>(); }
    QTreeWidgetItem *item(const QString &title) const {
        const auto found = tree()->findItems(title, Qt::MatchStartsWith | Qt::MatchRecursive);
        return found.isEmpty() ? nullptr : found.front();
    }
    QAction *action(const char *name) const { return m_dock.findChild<QAction *>(QString::fromLatin1(name)); }

    QMainWindow m_window;
    RunHistoryDock m_dock{m_context};
};

TEST_F(RunHistoryDockTest, BranchesHangBelowTheRunThatTheyWereEditedFrom) {
    ASSERT_TRUE(open("glyph-cnn.onnx"));
    Recipe recipe = m_context.recipe();
    recipe.rules[0].choice.activation.reset();
    m_context.setRecipe(recipe);
    run(8);
    run(4);
    tree()->setCurrentItem(item("#1"));
    action("adopt_recipe")->trigger();
    run(3);
    ASSERT_TRUE(item("#3"));
    EXPECT_EQ(item("#2")->parent(), item("#1"));
    EXPECT_EQ(item("#3")->parent(), item("#1"));

    tree()->setCurrentItem(item("#3"));
    const QString details = m_dock.findChild<QTextBrowser *>()->toPlainText();
    EXPECT_TRUE(details.contains(QStringLiteral("8 → 3")));
    EXPECT_TRUE(details.contains(QString::fromStdString(m_context.model()->sha256)));
    action("copy_provenance")->trigger();
    EXPECT_TRUE(QGuiApplication::clipboard()->text().contains(QStringLiteral("glyph-cnn.onnx")));

    tree()->setCurrentItem(item("#1"));
    action("show_run")->trigger();
    EXPECT_EQ(m_context.run(), m_context.runs().find(1)->run);
    item("#2")->setCheckState(0, Qt::Unchecked);
    QCoreApplication::processEvents();
    EXPECT_FALSE(m_context.runs().find(2)->compared);
    action("forget_run")->trigger();
    m_dock.refreshIfDirty();
    EXPECT_FALSE(item("#1"));
    EXPECT_TRUE(item("#3"));
}

} // namespace
} // namespace qs::views
