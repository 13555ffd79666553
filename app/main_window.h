#pragma once

#include "app/dock_layout.h"
#include "app/project_menu.h"
#include "app/settings.h"
#include "app/theme.h"

#include <QMainWindow>

namespace qs::app {

/// The window: docks from the list of views, menus, status bar. Everything that happens, happens in the
/// context.
class MainWindow : public QMainWindow {
    Q_OBJECT
public:
    MainWindow(views::WorkbenchContext &context, Settings settings, QWidget *parent = nullptr);

    ~MainWindow() override;

    /// Asks first when a model among them would replace runs that are not saved.
    void openFiles(const QStringList &files);
    /// Asks as openFiles(). False when there is no sample of that name.
    bool openSample(const QString &name);
    void setTheme(Theme theme) { m_theme->setTheme(theme); }
    DockLayout &docks() { return *m_docks; }
    ProjectSession &session() { return *m_session; }
    ProjectMenu &projects() { return *m_projects; }

protected:
    void showEvent(QShowEvent *event) override;
    void closeEvent(QCloseEvent *event) override;
    /// Files may be dropped on any child, also on those that take drops of text.
    bool eventFilter(QObject *watched, QEvent *event) override;

private:
    QAction *addAction(QMenu *menu, const QString &text, const QKeySequence &shortcut, const QString &tip,
                       const std::function<void()> &slot);
    void makeFileMenu();
    void makeSampleMenu(QMenu *menu);
    void makeEditMenu();
    void makeViewMenu();
    void makeThemeMenu(QMenu *menu);
    void makeRunMenu();
    void makeHelpMenu();
    void makeToolBar();
    void restoreLayout();
    nlohmann::json windowState() const;
    void restoreWindowState(const nlohmann::json &state);
    void openAll(const QStringList &files);
    void fillRecentMenu(QMenu *menu);
    void updateActions();
    void updateTitle();
    void showNewErrors();
    void toggleView(views::ViewDock *dock);
    void saveRecipe();
    void exportModel();
    void askForMemoryLimit();
    void openPalette();
    void showAbout();

    views::WorkbenchContext &m_context;
    Settings m_settings;
    ThemeController *m_theme = nullptr;
    DockLayout *m_docks = nullptr;
    ProjectSession *m_session = nullptr;
    ProjectMenu *m_projects = nullptr;
    QAction *m_open = nullptr, *m_calibrate = nullptr, *m_run = nullptr, *m_sensitivity = nullptr,
            *m_flip = nullptr, *m_sweep = nullptr, *m_distill = nullptr, *m_difference = nullptr;
    QAction *m_cancel = nullptr, *m_export = nullptr, *m_readStored = nullptr;
    int m_errorsSeen = 0;
    bool m_needsDefaultSizes = false;
};

} // namespace qs::app
