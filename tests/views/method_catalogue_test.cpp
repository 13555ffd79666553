#include "tests/support/fake_methods.h"
#include "tests/support/wait_until.h"
#include "views/method_catalogue/method_catalogue_dock.h"
#include "views/method_catalogue/method_filter.h"
#include "views/method_catalogue/method_list_model.h"
#include "views/method_catalogue/method_page.h"

#include <QAbstractItemModelTester>
#include <QAction>
#include <QComboBox>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QTableView>
#include <QTextBrowser>
#include <gtest/gtest.h>

namespace qs::views {
namespace {

std::shared_ptr<const MethodRegistry> methods() {
    auto registry = std::make_shared<MethodRegistry>();
    EXPECT_TRUE(registry->add(makeRtnQuantizer()));
    EXPECT_TRUE(registry->add(std::make_shared<FakeBranch>("split")));
    EXPECT_TRUE(registry->add(std::make_shared<FakeTransform>("smooth")));
    return registry;
}

TEST(MethodListModel, PassesTheModelTesterAndTellsStatusInWords) {
    MethodListModel model(methods());
    const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::Fatal);
    ASSERT_EQ(model.rowCount(), 3);
    const int row = model.rowOf("split");
    ASSERT_GE(row, 0);
    EXPECT_EQ(model.index(row, MethodListModel::KindColumn).data().toString(), "branch");
    EXPECT_TRUE(
        model.index(row, MethodListModel::StatusColumn).data().toString().contains("reference-checked"));
    EXPECT_EQ(model.rowOf("nonsense"), -1);
}

TEST(MethodFilter, WordsAndChoicesNarrowTogether) {
    MethodListModel model(methods());
    MethodFilter filter(model);
    EXPECT_FALSE(filter.isFiltering());
    filter.setWanted(MethodListModel::KindColumn, "branch");
    EXPECT_EQ(filter.rowCount(), 1);
    filter.setWords("rtn");
    EXPECT_EQ(filter.rowCount(), 0);
    filter.clear();
    EXPECT_EQ(filter.rowCount(), 3);
    filter.setWords("SPLIT");
    EXPECT_EQ(filter.rowCount(), 1);
}

class CatalogueTest : public ::testing::Test {
protected:
    WorkbenchContext m_context{methods()};
    MethodCatalogueDock m_dock{m_context};

    void choose(const QString &words) {
        m_dock.findChild<QLineEdit *>()->setText(words);
        auto *table = m_dock.findChild<QTableView *>();
        ASSERT_EQ(table->model()->rowCount(), 1);
        table->selectRow(0);
    }
};

TEST_F(CatalogueTest, UsesAMethodInTheRecipeAndUndoes) {
    const Recipe before = m_context.recipe();
    choose("split");
    EXPECT_TRUE(m_dock.findChild<QTextBrowser *>()->toPlainText().contains("split"));
    m_dock.findChild<QAction *>("use_method")->trigger();
    ASSERT_TRUE(m_context.recipe().rules.front().choice.weight->branch);
    EXPECT_EQ(m_context.recipe().rules.front().choice.weight->branch->method, "split");
    m_context.undoStack().undo();
    EXPECT_EQ(m_context.recipe(), before);
    choose("smooth");
    m_dock.findChild<QAction *>("use_method")->trigger();
    ASSERT_EQ(m_context.recipe().transforms.size(), 1u);
    EXPECT_EQ(m_context.recipe().transforms.front().method.method, "smooth");
}

TEST_F(CatalogueTest, NoMatchSaysWhatToDoAndClearShowsAll) {
    m_dock.findChild<QLineEdit *>()->setText("no such words");
    auto *table = m_dock.findChild<QTableView *>();
    EXPECT_EQ(table->model()->rowCount(), 0);
    bool told = false;
    for (const QLabel *label : m_dock.findChildren<QLabel *>())
        told = told || label->text().contains("No method matches");
    EXPECT_TRUE(told);
    for (QPushButton *button : m_dock.findChildren<QPushButton *>())
        if (button->text() == "Clear")
            button->click();
    EXPECT_EQ(table->model()->rowCount(), 3);
}

TEST(MethodPage, EscapesWhatMethodsSay) {
    MethodInfo info;
    info.id = "x";
    info.name = "<b>bold</b>";
    info.summary = "a < b & c";
    const QString page = methodPage(info, {});
    EXPECT_TRUE(page.contains("&lt;b&gt;bold&lt;/b&gt;"));
    EXPECT_TRUE(page.contains("a &lt; b &amp; c"));
}

TEST(MethodPage, ListsEveryParameterWithItsLimits) {
    const auto rtn = makeRtnQuantizer();
    const auto schema = ParameterSchema::parse(
        R"({"type": "object", "properties": {"damp": {"type": "number", "minimum": 0.001, "maximum": 0.5,
            "default": 0.01, "description": "share of the mean diagonal"}}})");
    ASSERT_TRUE(schema) << schema.error().text();
    const QString page = methodPage(rtn->info(), *schema);
    for (const char *text : {"damp", "0.001 to 0.5", "0.01", "share of the mean diagonal"})
        EXPECT_TRUE(page.contains(text)) << text;
}

} // namespace
} // namespace qs::views
