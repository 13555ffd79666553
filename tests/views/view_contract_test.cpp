#include "tests/views/workbench_fixture.h"
#include "views/shared/view_dock.h"
#include "views/shared/view_factory.h"

#include <QApplication>
#include <QMainWindow>
#include <set>

namespace qs::views {
namespace {

using ViewContract = WorkbenchTest;

std::vector<const ViewFactory *> testedViews() {
    std::vector<const ViewFactory *> views;
    for (const ViewFactory &view : builtinViews()) {
        if (!view.needsOpenGl)
            views.push_back(&view);
    }
    return views;
}

/// The view must survive being painted at usual and at silly sizes.
void exercise(ViewDock &dock) {
    for (const QSize size : {QSize(900, 600), QSize(300, 200), QSize(60, 40)}) {
        dock.resize(size);
        dock.refreshIfDirty();
        EXPECT_FALSE(dock.grab().isNull());
    }
    QCoreApplication::processEvents();
}

TEST_F(ViewContract, IdsAndShortcutsAreUnique) {
    std::set<QString> ids, shortcuts;
    for (const ViewFactory &view : builtinViews()) {
        EXPECT_TRUE(ids.insert(view.id).second) << view.id.toStdString();
        EXPECT_TRUE(shortcuts.insert(view.shortcut).second) << view.shortcut.toStdString();
        EXPECT_FALSE(view.title.isEmpty());
    }
}

TEST_F(ViewContract, EveryViewOpensEmptyFullAndAfterClose) {
    QMainWindow window;
    std::vector<ViewDock *> docks;
    for (const ViewFactory *view : testedViews()) {
        ViewDock *dock = view->create(m_context);
        EXPECT_EQ(dock->objectName(), view->id);
        dock->setParent(&window);
        dock->setFloating(true);
        dock->show();
        exercise(*dock);
        docks.push_back(dock);
    }
    ASSERT_TRUE(open("glyph-cnn.onnx"));
    ASSERT_TRUE(open("glyph-calib.h5"));
    for (ViewDock *dock : docks)
        exercise(*dock);
    m_context.startRun();
    SensitivityOptions options;
    options.samples = 8;
    m_context.startSensitivity(options);
    ASSERT_TRUE(wait());
    m_context.select({3, {2, 3, 4}, 0, 0});
    for (ViewDock *dock : docks)
        exercise(*dock);
    ASSERT_TRUE(wait());
    // Another model: selection, run and capture of the old one are gone.
    ASSERT_TRUE(open("tiny-llama.onnx"));
    for (ViewDock *dock : docks)
        exercise(*dock);
    for (ViewDock *dock : docks)
        dock->hide();
    ASSERT_TRUE(open("glyph-cnn.onnx"));
    for (ViewDock *dock : docks)
        dock->show();
    ASSERT_TRUE(wait());
    EXPECT_EQ(m_context.model()->layers.size(), 21U);
}

/// A style sheet keeps the palette of its first polish: such a widget stays light in a dark window.
TEST_F(ViewContract, EveryViewFollowsTheThemeWhileItIsHidden) {
    const QPalette before = QApplication::palette();
    QMainWindow window;
    std::vector<ViewDock *> docks;
    for (const ViewFactory *view : testedViews()) {
        ViewDock *dock = view->create(m_context);
        window.addDockWidget(Qt::BottomDockWidgetArea, dock);
        docks.push_back(dock);
    }
    QPalette dark = before;
    for (const QPalette::ColorRole role : {QPalette::Base, QPalette::Window, QPalette::AlternateBase})
        dark.setColor(role, Qt::black);
    QApplication::setPalette(dark);
    QCoreApplication::processEvents();
    for (ViewDock *dock : docks)
        for (const auto *widget : dock->findChildren<QWidget *>()) {
            EXPECT_TRUE(widget->styleSheet().isEmpty()) << dock->objectName().toStdString();
            EXPECT_EQ(widget->palette().color(QPalette::Base), QColor(Qt::black))
                << dock->objectName().toStdString() << ": " << widget->metaObject()->className();
        }
    QApplication::setPalette(before);
}

class CountingDock final : public ViewDock {
public:
    explicit CountingDock(WorkbenchContext &context) : ViewDock("counting", "Counting", context) {}
    int models = 0, selections = 0, runs = 0;
    bool active = false;

protected:
    void modelChanged() override { ++models; }
    void selectionChanged() override { ++selections; }
    void runChanged() override { ++runs; }
    void setActive(bool shown) override { active = shown; }
};

TEST_F(ViewContract, AHiddenViewDoesNothingAndCatchesUpOnceWhenShown) {
    CountingDock dock(m_context);
    for (int i = 0; i < 5; ++i)
        m_context.select(Selection::ofLayer(i));
    QCoreApplication::processEvents();
    EXPECT_EQ(dock.selections, 0);
    dock.show();
    EXPECT_TRUE(dock.active);
    EXPECT_EQ(dock.selections, 1);
    EXPECT_EQ(dock.models, 1);
    for (int i = 0; i < 5; ++i)
        m_context.select(Selection::ofLayer(i));
    QCoreApplication::processEvents();
    EXPECT_EQ(dock.selections, 2);
    dock.hide();
    EXPECT_FALSE(dock.active);
}

} // namespace
} // namespace qs::views
