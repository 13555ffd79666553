#include "views/shared/table_tools.h"

#include "views/shared/find_bar.h"
#include "views/shared/find_expression.h"

#include <QAction>
#include <QApplication>
#include <QClipboard>
#include <QLabel>
#include <QLineEdit>
#include <QStandardItemModel>
#include <QTableView>
#include <QTest>
#include <QTreeView>
#include <gmock/gmock.h>

namespace qs::views {
namespace {

void addRow(QStandardItem &parent, const QString &name, const QString &value) {
    parent.appendRow({new QStandardItem(name), new QStandardItem(value)});
}

/// blocks (attn: 1, mlp: 2), head: 3.
void fillTree(QStandardItemModel &model) {
    model.setHorizontalHeaderLabels({"Name", "Parameters\nin all"});
    addRow(*model.invisibleRootItem(), "blocks", "");
    addRow(*model.item(0), "attn", "1");
    addRow(*model.item(0), "mlp", "2");
    addRow(*model.invisibleRootItem(), "head", "3");
}

void trigger(const QWidget &view, const char *action) {
    view.findChild<QAction *>(action)->trigger();
}
QString copied() {
    return QApplication::clipboard()->text();
}

TEST(CopyActions, CopyRowsCellOrAllOfATree) {
    QStandardItemModel model;
    fillTree(model);
    QTreeView tree;
    tree.setModel(&model);
    addCopyActions(tree, Qt::DisplayRole);
    trigger(tree, "copy_table");
    EXPECT_EQ(copied(), "Name\tParameters in all\nblocks\t\n  attn\t1\n  mlp\t2\nhead\t3\n");
    trigger(tree, "copy_rows"); // nothing is selected
    EXPECT_EQ(copied().count('\n'), 5);
    tree.setCurrentIndex(model.item(0)->child(1)->index());
    trigger(tree, "copy_rows");
    EXPECT_EQ(copied(), "Name\tParameters in all\n  mlp\t2\n");
    tree.setCurrentIndex(model.item(0)->child(1, 1)->index());
    trigger(tree, "copy_cell");
    EXPECT_EQ(copied(), "2");
    EXPECT_EQ(tree.findChild<QAction *>("copy_rows")->shortcut(), QKeySequence(QKeySequence::Copy));
}

class FindBarTest : public testing::Test {
protected:
    FindBarTest() {
        fillTree(model);
        tree.setModel(&model);
        page.reset(withFindBar(tree));
        page->resize(300, 300);
        page->show();
        bar = page->findChild<FindBar *>();
        text = bar->findChild<QLineEdit *>();
    }
    ~FindBarTest() override {
        tree.setParent(nullptr); // the page does not own it
    }
    QString current() const { return tree.currentIndex().siblingAtColumn(0).data().toString(); }
    QString note() const { return bar->findChild<QLabel *>()->text(); }

    QStandardItemModel model;
    QTreeView tree;
    std::unique_ptr<QWidget> page;
    FindBar *bar;
    QLineEdit *text;
};

TEST_F(FindBarTest, CtrlFOpensAndEnterGoesRoundInBothDirections) {
    EXPECT_FALSE(bar->isVisible());
    trigger(tree, "find");
    EXPECT_TRUE(bar->isVisible());
    text->setText("^(ATTN|head)"); // upper and lower case are the same
    EXPECT_EQ(current(), "attn");
    QTest::keyClick(bar, Qt::Key_Return);
    EXPECT_EQ(current(), "head");
    QTest::keyClick(bar, Qt::Key_Return);
    EXPECT_EQ(current(), "attn");
    QTest::keyClick(bar, Qt::Key_Return, Qt::ShiftModifier);
    EXPECT_EQ(current(), "head");
    text->setText("\t2"); // of any column
    EXPECT_EQ(current(), "mlp");
    EXPECT_TRUE(note().isEmpty());
    QTest::keyClick(bar, Qt::Key_Escape);
    EXPECT_FALSE(bar->isVisible());
}

TEST_F(FindBarTest, SaysWhatIsWrongAndStays) {
    trigger(tree, "find");
    text->setText("mlp");
    text->setText("mlp(");
    EXPECT_THAT(note().toStdString(), testing::HasSubstr("Not a regular expression"));
    EXPECT_EQ(current(), "mlp");
    text->setText("nowhere");
    EXPECT_EQ(note(), "nothing found");
    EXPECT_EQ(current(), "mlp");
    text->clear();
    EXPECT_TRUE(note().isEmpty());
    model.clear();
    text->setText("mlp");
    EXPECT_EQ(note(), "nothing found");
}

TEST(FindExpression, TellsWhereATextIsNoExpression) {
    EXPECT_TRUE(findExpression("conv[0-9]+").error.isEmpty());
    EXPECT_THAT(findExpression("a[").error.toStdString(), testing::HasSubstr("at character"));
}

} // namespace
} // namespace qs::views
