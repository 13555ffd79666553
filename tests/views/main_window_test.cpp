#include "app/command_palette.h"
#include "app/job_sequence.h"
#include "app/main_window.h"
#include "app/samples.h"
#include "app/shortcut_list.h"
#include "app/theme.h"
#include "tests/views/workbench_fixture.h"
#include "views/shared/view_dock.h"

#include <QApplication>
#include <QCheckBox>
#include <QDropEvent>
#include <QLineEdit>
#include <QMessageBox>
#include <QMimeData>
#include <QPointer>
#include <QScreen>
#include <QTabBar>
#include <QTest>
#include <QTextBrowser>
#include <QUrl>

namespace qs::app {
namespace {

class MainWindowTest : public views::WorkbenchTest {
protected:
    MainWindow m_window{m_context, Settings(false)};

    QAction *action(const QString &text) const {
        for (QAction *candidate : m_window.findChildren<QAction *>()) {
            if (candidate->text().remove('&').startsWith(text))
                return candidate;
        }
        return nullptr;
    }
};

TEST_F(MainWindowTest, DisabledActionsSayWhyAndShortcutsDoNotClash) {
    m_window.show();
    for (const char *text : {"Calibrate", "Quantize", "Measure sensitivity", "Export model"}) {
        QAction *found = action(text);
        ASSERT_TRUE(found) << text;
        EXPECT_FALSE(found->isEnabled());
        EXPECT_FALSE(found->toolTip().isEmpty());
        EXPECT_NE(found->toolTip(), found->text());
    }
    std::set<QKeySequence> shortcuts;
    for (const QAction *candidate : m_window.findChildren<QAction *>()) {
        if (!candidate->shortcut().isEmpty() && candidate->shortcutContext() == Qt::WindowShortcut) {
            EXPECT_TRUE(shortcuts.insert(candidate->shortcut()).second) << candidate->text().toStdString();
        }
    }
}

TEST_F(MainWindowTest, OpensASampleRunsItAndOffersExport) {
    m_window.resize(1280, 800);
    m_window.show();
    m_window.openFiles({sample("glyph-cnn.onnx"), sample("glyph-calib.h5"), sample("glyph-eval.h5")});
    JobSequence sequence(m_context);
    sequence.addRun();
    bool finished = false;
    QObject::connect(&sequence, &JobSequence::finished, [&] { finished = true; });
    sequence.start();
    ASSERT_TRUE(waitUntil([&] { return finished; }, 300000));
    ASSERT_TRUE(m_context.run());
    EXPECT_TRUE(m_context.run()->complete);
    EXPECT_TRUE(action("Export model")->isEnabled());
    EXPECT_TRUE(m_window.windowTitle().contains("glyph-cnn.onnx"));
    EXPECT_EQ(errors(), 0);
}

TEST_F(MainWindowTest, ClosingWhileAJobRunsStopsIt) {
    m_window.show();
    m_window.openFiles({sample("glyph-cnn.onnx"), sample("glyph-calib.h5")});
    ASSERT_TRUE(wait());
    m_context.startRun();
    m_window.close();
    EXPECT_TRUE(m_context.jobs().anyRunning());
    // The fixture ends here: the context joins its workers.
}

/// An HDF5 file that turns out to hold weights would replace the model, and its runs with it.
TEST_F(MainWindowTest, WeightsThatWereOpenedAsDataAskBeforeRunsAreLost) {
    m_window.show();
    m_window.openFiles({sample("glyph-cnn.onnx"), sample("glyph-calib.h5")});
    ASSERT_TRUE(wait());
    m_context.startRun();
    ASSERT_TRUE(wait());
    const auto model = m_context.model();
    ASSERT_TRUE(m_context.run());
    m_window.openFiles({QStringLiteral(QS_TEST_DATA "/io/keras2.h5")});
    QMessageBox *question = nullptr;
    ASSERT_TRUE(waitUntil(
        [&] { return (question = m_window.findChild<QMessageBox *>("replace_question")) != nullptr; },
        60000));
    EXPECT_EQ(m_context.model(), model);
    EXPECT_TRUE(m_context.run());
    question->button(QMessageBox::Discard)->click();
    ASSERT_TRUE(waitUntil([&] { return m_context.model() != model; }, 60000));
    ASSERT_TRUE(wait());
    EXPECT_FALSE(m_context.whyNotCalibrate().isEmpty());
}

TEST_F(MainWindowTest, TheViewWhoseTabIsChosenHasTheFocus) {
    m_window.resize(1280, 800);
    m_window.show();
    QApplication::processEvents();
    const views::ViewDock *dock = m_window.docks().dock("outlier_map");
    ASSERT_TRUE(dock);
    for (QTabBar *bar : m_window.findChildren<QTabBar *>())
        for (int tab = 0; tab < bar->count(); ++tab)
            if (bar->tabText(tab) == dock->windowTitle())
                QTest::mouseClick(bar, Qt::LeftButton, {}, bar->tabRect(tab).center());
    ASSERT_TRUE(waitUntil([&] { return m_window.focusWidget() != nullptr; }, 5000));
    const QWidget *focus = m_window.focusWidget();
    EXPECT_TRUE(focus == dock || dock->isAncestorOf(focus)) << focus->objectName().toStdString();
}

TEST_F(MainWindowTest, ShortcutsAreListedOnce) {
    m_window.show();
    showShortcuts(m_window);
    const auto *dialog = m_window.findChild<QDialog *>("shortcuts");
    ASSERT_TRUE(dialog);
    const QString text = dialog->findChild<QTextBrowser *>()->toPlainText();
    EXPECT_EQ(text.count("Export figure"), 1);
    EXPECT_TRUE(text.contains("Ctrl+O"));
}

TEST_F(MainWindowTest, FilesDroppedOnAnyChildAreOpened) {
    m_window.show();
    QMimeData data;
    data.setUrls({QUrl::fromLocalFile(sample("glyph-cnn.onnx"))});
    auto *field = m_window.findChild<QLineEdit *>();
    ASSERT_TRUE(field);
    QDragEnterEvent enter({2, 2}, Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
    QApplication::sendEvent(field, &enter); // Qt drops only where something entered
    EXPECT_TRUE(enter.isAccepted());
    QDropEvent drop({2, 2}, Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
    QApplication::sendEvent(field, &drop);
    EXPECT_TRUE(drop.isAccepted());
    ASSERT_TRUE(wait());
    EXPECT_TRUE(m_context.model());
    EXPECT_TRUE(field->text().isEmpty());
}

TEST_F(MainWindowTest, ResetLayoutShowsEveryViewAgain) {
    m_window.show();
    for (const auto &entry : m_window.docks().entries())
        entry.dock->hide();
    m_window.docks().reset();
    for (const auto &entry : m_window.docks().entries()) {
        EXPECT_FALSE(entry.dock->isHidden()) << entry.factory->id.toStdString();
        EXPECT_FALSE(entry.dock->isFloating());
    }
    // Only views of one place share tabs; lists stand behind the charts.
    for (const auto &entry : m_window.docks().entries())
        for (QDockWidget *other : m_window.tabifiedDockWidgets(entry.dock))
            for (const auto &behind : m_window.docks().entries())
                if (behind.dock == other) {
                    const auto area = [](views::ViewPlace place) {
                        return place == views::ViewPlace::Bottom ? views::ViewPlace::Charts : place;
                    };
                    EXPECT_EQ(area(entry.factory->place), area(behind.factory->place))
                        << entry.factory->id.toStdString() << " and " << behind.factory->id.toStdString();
                }
}

TEST_F(MainWindowTest, PaletteFindsCommandsAndLayersAndSaysWhatIsNotPossible) {
    m_window.show();
    ASSERT_TRUE(open("glyph-cnn.onnx"));
    action("Command palette")->trigger();
    const QPointer<CommandPalette> palette = m_window.findChild<CommandPalette *>();
    ASSERT_TRUE(palette);
    palette->setText(QStringLiteral("export model"));
    ASSERT_FALSE(palette->shownTitles().isEmpty());
    EXPECT_TRUE(palette->shownTitles().front().contains(QStringLiteral("Export model")));
    palette->runChosen();
    EXPECT_TRUE(palette->isVisible()) << "nothing was quantized yet";

    const Layer &last = m_context.model()->layers.back();
    palette->setText(QStringLiteral("layer %1").arg(QString::fromStdString(last.name)));
    palette->runChosen();
    ASSERT_TRUE(waitUntil([&] { return m_context.selection().layer == last.id; }));
    EXPECT_TRUE(!palette || !palette->isVisible()) << "it closes, and goes then";
}

TEST(CommandPalette, RanksWordBeginningsFirstAndRefusesStrangers) {
    EXPECT_GT(paletteScore("Run: Quantize", "quant"), paletteScore("Show dequantized", "quant"));
    EXPECT_GE(paletteScore("File: Save project", "proj save"), 0);
    EXPECT_EQ(paletteScore("File: Save project", "save x"), -1);
}

double luminance(const QColor &color) {
    const auto linear = [](double c) {
        return c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4);
    };
    return 0.2126 * linear(color.redF()) + 0.7152 * linear(color.greenF()) + 0.0722 * linear(color.blueF());
}

/// As WCAG 2 defines it: 1 to 21.
double contrast(const QColor &one, const QColor &other) {
    const double a = luminance(one), b = luminance(other);
    return (std::max(a, b) + 0.05) / (std::min(a, b) + 0.05);
}

TEST_F(MainWindowTest, ThemesHaveReadableText) {
    for (const QPalette &palette : {lightPalette(), darkPalette()}) {
        for (const auto &[text, ground] : {std::pair{QPalette::WindowText, QPalette::Window},
                                           {QPalette::Text, QPalette::Base},
                                           {QPalette::ButtonText, QPalette::Button},
                                           {QPalette::PlaceholderText, QPalette::Base},
                                           {QPalette::PlaceholderText, QPalette::Window},
                                           {QPalette::HighlightedText, QPalette::Highlight}})
            // WCAG 2 AA for text is 4.5; white on the selection blue is bold enough at 4.
            EXPECT_GE(contrast(palette.color(text), palette.color(ground)), 4.0)
                << int(text) << " on " << int(ground);
    }
}

TEST_F(MainWindowTest, UncheckedBoxesCanBeSeenOnADarkWindow) {
    const QPalette before = QApplication::palette();
    ThemeController theme;
    theme.setTheme(Theme::Dark);
    QCheckBox box;
    box.resize(box.sizeHint());
    const QImage image = box.grab().toImage();
    double most = 0;
    for (int x = 0; x < image.width(); ++x)
        most = std::max(
            most, contrast(image.pixelColor(x, image.height() / 2), darkPalette().color(QPalette::Window)));
    EXPECT_GE(most, 3.0) << "WCAG 2 AA for the parts of a control";
    QApplication::setPalette(before);
}

} // namespace
} // namespace qs::app
