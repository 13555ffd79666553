#include "app/main_window.h"

#include "app/difference_dialog.h"
#include "app/distill_dialog.h"
#include "app/export_dialog.h"
#include "app/open_dialog.h"
#include "app/palette_entries.h"
#include "app/samples.h"
#include "app/shortcut_list.h"
#include "app/status_panel.h"
#include "views/shared/file_kind.h"
#include "views/shared/sweep_document.h"
#include "views/sweep/sweep_dialog.h"

#include <QActionGroup>
#include <QApplication>
#include <QCloseEvent>
#include <QFileDialog>
#include <QInputDialog>
#include <QMenuBar>
#include <QMessageBox>
#include <QMimeData>
#include <QStatusBar>
#include <QTimer>
#include <QToolBar>

namespace qs::app {

using views::WorkbenchContext;

namespace {

/// A disabled action tells why, in its tooltip and in the status bar.
void setAvailable(QAction *action, const QString &reason) {
    if (action->property("tip").isNull())
        action->setProperty("tip", action->statusTip());
    const QString tip = action->property("tip").toString();
    const QString keys = action->shortcut().toString(QKeySequence::NativeText);
    action->setEnabled(reason.isEmpty());
    action->setStatusTip(reason.isEmpty() ? tip : reason);
    action->setToolTip(reason.isEmpty() ? QStringLiteral("%1 (%2)").arg(tip, keys) : reason);
}

QStringList localFiles(const QMimeData *data) {
    QStringList files;
    for (const QUrl &url : data->urls()) {
        if (url.isLocalFile())
            files << url.toLocalFile();
    }
    return files;
}

} // namespace

MainWindow::MainWindow(WorkbenchContext &context, Settings settings, QWidget *parent)
    : QMainWindow(parent), m_context(context), m_settings(settings), m_theme(new ThemeController(this)) {
    setAcceptDrops(true);
    qApp->installEventFilter(this);
    m_theme->setTheme(m_settings.theme());
    m_context.setMemoryLimit(std::int64_t(m_settings.calibrationMemoryMib()) << 20);
    m_docks = new DockLayout(*this, context);
    // Shortcuts as those of figures go to the view that has the focus: that is the one that was brought in
    // front.
    connect(this, &QMainWindow::tabifiedDockWidgetActivated, this,
            [](QDockWidget *dock) { dock->setFocus(Qt::OtherFocusReason); });
    m_session = new ProjectSession(context, this);
    m_session->setWindowState({[this] { return windowState(); },
                               [this](const nlohmann::json &state) { restoreWindowState(state); }});
    m_projects = new ProjectMenu(*this, *m_session, context);
    connect(&context, &views::WorkbenchContext::modelRequested, this, [this](const QString &file) {
        m_projects->beforeReplacing([this, file] { m_context.openModel(file); });
    });
    makeFileMenu();
    makeEditMenu();
    makeViewMenu();
    makeRunMenu();
    makeHelpMenu();
    makeToolBar();
    auto *panel = new StatusPanel(context);
    statusBar()->addWidget(panel, 1);
    restoreLayout();

    for (auto signal : {&WorkbenchContext::modelChanged, &WorkbenchContext::executorChanged,
                        &WorkbenchContext::calibrationChanged, &WorkbenchContext::runChanged,
                        &WorkbenchContext::runsChanged, &WorkbenchContext::recipeChanged})
        connect(&context, signal, this, &MainWindow::updateActions);
    connect(&context.jobs(), &views::JobList::changed, this, &MainWindow::updateActions);
    connect(m_session, &ProjectSession::changed, this, &MainWindow::updateTitle);
    connect(m_session, &ProjectSession::opened, this, [this](const QString &file) {
        if (QFileInfo(file).isFile())
            m_settings.addRecentFile(file);
    });
    connect(m_session, &ProjectSession::saved, this, [this, panel](const QString &file) {
        m_settings.addRecentFile(file);
        panel->showNotice(tr("Saved: %1").arg(file));
    });
    connect(&context, &WorkbenchContext::findingsChanged, this, &MainWindow::showNewErrors);
    connect(&context, &WorkbenchContext::fileOpened, this,
            [this](const QString &file) { m_settings.addRecentFile(file); });
    connect(&context, &WorkbenchContext::exported, this,
            [panel](const QString &file) { panel->showNotice(tr("Exported and read back: %1").arg(file)); });
    connect(&context, &WorkbenchContext::revealRequested, this, [this](const QString &id) {
        if (views::ViewDock *dock = m_docks->dock(id))
            m_docks->raise(dock);
    });
    updateActions();
    updateTitle();
    showNewErrors();
}

MainWindow::~MainWindow() {
    m_projects->stopAutosave();
}

QAction *MainWindow::addAction(QMenu *menu, const QString &text, const QKeySequence &shortcut,
                               const QString &tip, const std::function<void()> &slot) {
    QAction *action = menu->addAction(text, this, slot);
    action->setShortcut(shortcut);
    action->setStatusTip(tip);
    return action;
}

void MainWindow::makeFileMenu() {
    QMenu *menu = menuBar()->addMenu(tr("&File"));
    menu->setToolTipsVisible(true);
    auto openAs = [this](OpenPurpose purpose, void (WorkbenchContext::*open)(const QString &)) {
        for (const QString &file : askFilesToOpen(this, purpose)) {
            if (!file.isEmpty())
                (m_context.*open)(file);
        }
    };
    m_open =
        addAction(menu, tr("&Open…"), QKeySequence::Open,
                  tr("Opens models, calibration sets and recipes; what a file is shows from its content"),
                  [this] { openFiles(askFilesToOpen(this, OpenPurpose::Any)); });
    addAction(menu, tr("Open &folder…"), tr("Ctrl+Alt+O"),
              tr("Opens the folder of a Hugging Face model: config.json with its safetensors files"),
              [this] { openFiles(askFilesToOpen(this, OpenPurpose::Folder)); });
    addAction(menu, tr("Open &calibration set…"), tr("Ctrl+Shift+O"),
              tr("Opens an HDF5 file to calibrate with"),
              [openAs] { openAs(OpenPurpose::Calibration, &WorkbenchContext::openCalibration); });
    m_distill =
        addAction(menu, tr("&Make calibration images…"), {},
                  tr("Makes a calibration set from the batch-norm statistics of the model, without data"),
                  [this] { askForDistilledSet(m_context, this); });
    addAction(menu, tr("Open &evaluation set…"), tr("Ctrl+Shift+E"),
              tr("Opens an HDF5 file on which quality is measured; without one the calibration set is used"),
              [openAs] { openAs(OpenPurpose::Evaluation, &WorkbenchContext::openEvaluation); });
    m_readStored = addAction(
        menu, tr("Read codes of a &quantized version…"), tr("Ctrl+Alt+Q"),
        tr("Reads codes and scales of a quantized file of this model as a run, measured against it"),
        [openAs] { openAs(OpenPurpose::Quantized, &WorkbenchContext::readStoredRun); });
    m_difference = addAction(
        menu, tr("&Difference to another model…"), tr("Ctrl+Alt+D"),
        tr("Subtracts the weights of a model, such as what this one was fine-tuned from, and opens the "
           "result"),
        [this] { askForDifference(m_context, this, [this](const QString &file) { openFiles({file}); }); });
    QMenu *recent = menu->addMenu(tr("&Recent files"));
    connect(recent, &QMenu::aboutToShow, this, [this, recent] { fillRecentMenu(recent); });
    makeSampleMenu(menu->addMenu(tr("Open sa&mple")));
    menu->addSeparator();
    m_projects->addTo(menu);
    menu->addSeparator();
    addAction(menu, tr("&Load recipe…"), tr("Ctrl+Shift+L"),
              tr("Replaces the recipe by one from a file; can be undone"),
              [openAs] { openAs(OpenPurpose::Recipe, &WorkbenchContext::loadRecipe); });
    addAction(menu, tr("Save rec&ipe…"), tr("Ctrl+Alt+R"),
              tr("Writes the recipe as JSON, for later or for qscope quantize --recipe"),
              [this] { saveRecipe(); });
    menu->addSeparator();
    m_export = addAction(menu, tr("E&xport model…"), tr("Ctrl+E"),
                         tr("Writes the quantized model for a runtime and checks it by reading it back"),
                         [this] { exportModel(); });
    menu->addSeparator();
    addAction(menu, tr("&Quit"), QKeySequence::Quit, tr("Stops all jobs and closes the window"),
              [this] { close(); });
}

void MainWindow::makeSampleMenu(QMenu *menu) {
    menu->setToolTipsVisible(true);
    for (const Sample &sample : findSamples()) {
        QAction *action =
            menu->addAction(sample.name, this, [this, name = sample.name] { openSample(name); });
        action->setStatusTip(tr("Opens the model with its calibration and evaluation sets"));
    }
    if (menu->isEmpty())
        menu->addAction(tr("No samples are installed"))->setEnabled(false);
}

void MainWindow::fillRecentMenu(QMenu *menu) {
    menu->clear();
    for (const QString &file : m_settings.recentFiles()) {
        QAction *action =
            menu->addAction(QFileInfo(file).fileName(), this, [this, file] { openFiles({file}); });
        action->setStatusTip(file);
    }
    if (menu->isEmpty()) {
        menu->addAction(tr("Nothing was opened yet"))->setEnabled(false);
        return;
    }
    menu->addSeparator();
    menu->addAction(tr("Clear list"), this, [this] { m_settings.clearRecentFiles(); });
}

void MainWindow::makeEditMenu() {
    QMenu *menu = menuBar()->addMenu(tr("&Edit"));
    QAction *undo = m_context.undoStack().createUndoAction(this, tr("&Undo"));
    undo->setShortcut(QKeySequence::Undo);
    undo->setStatusTip(tr("Takes the last change of the recipe back"));
    QAction *redo = m_context.undoStack().createRedoAction(this, tr("&Redo"));
    redo->setShortcut(QKeySequence::Redo);
    redo->setStatusTip(tr("Makes the change of the recipe again"));
    menu->addActions({undo, redo});
}

void MainWindow::makeViewMenu() {
    QMenu *menu = menuBar()->addMenu(tr("&View"));
    for (const DockLayout::Entry &entry : m_docks->entries()) {
        QAction *action =
            addAction(menu, entry.factory->title, QKeySequence(entry.factory->shortcut),
                      tr("Brings %1 to the front; hides it when it is there").arg(entry.factory->title),
                      [this, dock = entry.dock] { toggleView(dock); });
        action->setCheckable(true);
        connect(menu, &QMenu::aboutToShow, action,
                [this, action, dock = entry.dock] { action->setChecked(m_docks->isInFront(dock)); });
    }
    menu->addSeparator();
    addAction(menu, tr("&Reset layout"), tr("Ctrl+Shift+R"), tr("Puts all views back to their places"),
              [this] { m_docks->reset(); });
    makeThemeMenu(menu->addMenu(tr("&Theme")));
}

void MainWindow::makeThemeMenu(QMenu *menu) {
    auto *group = new QActionGroup(this);
    const std::pair<Theme, QString> themes[] = {
        {Theme::System, tr("As the &system")}, {Theme::Light, tr("&Light")}, {Theme::Dark, tr("&Dark")}};
    for (const auto &[theme, text] : themes) {
        QAction *action = menu->addAction(text, this, [this, theme = theme] {
            m_theme->setTheme(theme);
            m_settings.setTheme(theme);
        });
        action->setCheckable(true);
        action->setChecked(m_settings.theme() == theme);
        group->addAction(action);
    }
}

void MainWindow::makeRunMenu() {
    QMenu *menu = menuBar()->addMenu(tr("&Run"));
    menu->setToolTipsVisible(true);
    m_calibrate =
        addAction(menu, tr("&Calibrate"), tr("F6"),
                  tr("Runs the calibration set through the float model and collects activation statistics"),
                  [this] { m_context.calibrate(); });
    m_run = addAction(
        menu, tr("&Quantize"), tr("F5"),
        tr("Applies the recipe layer by layer and measures what it does; calibrates first if needed"),
        [this] { m_context.startRun(); });
    m_sensitivity = addAction(menu, tr("&Measure sensitivity"), tr("F7"),
                              tr("Quantizes each layer alone at 2, 3, 4 and 8 bit by the recipe's method and "
                                 "measures the model's output"),
                              [this] {
                                  SensitivityOptions options;
                                  options.recipe = m_context.recipe();
                                  m_context.startSensitivity(std::move(options));
                              });
    m_sweep = addAction(
        menu, tr("S&weep…"), tr("Shift+F5"),
        tr("Runs methods × bits on the open model into one result file, and shows them side by side"),
        [this] { views::askForSweep(m_context, this); });
    m_flip = addAction(menu, tr("&Flip A/B"), tr("F8"),
                       tr("Shows the run that was shown before in all views, and back again"),
                       [this] { m_context.flipRuns(); });
    addAction(menu, tr("Calibration &memory…"), {},
              tr("How much memory calibration may take; with less it goes layer group by layer group"),
              [this] { askForMemoryLimit(); });
    menu->addSeparator();
    m_cancel =
        addAction(menu, tr("C&ancel jobs"), tr("Esc"), tr("Stops what is running; results so far stay"),
                  [this] { m_context.jobs().cancelAll(); });
}

void MainWindow::makeHelpMenu() {
    QMenu *menu = menuBar()->addMenu(tr("&Help"));
    addAction(menu, tr("&Command palette…"), tr("Ctrl+Shift+P"),
              tr("Finds a command, a layer or a run by typing a part of its name"),
              [this] { openPalette(); });
    addAction(menu, tr("&Keyboard shortcuts"), QKeySequence::HelpContents, tr("Lists all shortcuts"),
              [this] { showShortcuts(*this); });
    addAction(menu, tr("&About Quantoscope"), {}, tr("Version and licence"), [this] { showAbout(); });
}

void MainWindow::makeToolBar() {
    QToolBar *bar = addToolBar(tr("Main"));
    bar->setObjectName(QStringLiteral("main_tool_bar"));
    bar->setMovable(false);
    bar->addAction(m_open);
    bar->addSeparator();
    bar->addActions({m_calibrate, m_run, m_sensitivity, m_cancel});
    bar->addSeparator();
    bar->addAction(m_export);
    bar->setContextMenuPolicy(Qt::PreventContextMenu);
}

void MainWindow::restoreLayout() {
    resize(1600, 1000);
    restoreGeometry(m_settings.windowGeometry());
    m_docks->reset();
    m_needsDefaultSizes = !restoreState(m_settings.windowState());
}

void MainWindow::showEvent(QShowEvent *event) {
    QMainWindow::showEvent(event);
    if (std::exchange(m_needsDefaultSizes, false))
        QTimer::singleShot(0, m_docks, &DockLayout::applyDefaultSizes);
}

void MainWindow::closeEvent(QCloseEvent *event) {
    if (!m_projects->mayClose())
        return event->ignore();
    m_settings.setWindow(saveGeometry(), saveState());
    event->accept();
}

nlohmann::json MainWindow::windowState() const {
    return {{"geometry", saveGeometry().toBase64().toStdString()},
            {"state", saveState().toBase64().toStdString()}};
}

void MainWindow::restoreWindowState(const nlohmann::json &state) {
    const auto bytes = [&](const char *key) {
        const auto found = state.find(key);
        return found != state.end() && found->is_string()
                   ? QByteArray::fromBase64(QByteArray::fromStdString(found->get<std::string>()))
                   : QByteArray();
    };
    restoreGeometry(bytes("geometry"));
    restoreState(bytes("state"));
}

bool MainWindow::eventFilter(QObject *watched, QEvent *event) {
    const auto type = event->type();
    if (type != QEvent::DragEnter && type != QEvent::DragMove && type != QEvent::Drop)
        return QMainWindow::eventFilter(watched, event);
    // DragEnter and DragMove events are drop events, too.
    auto *drop = dynamic_cast<QDropEvent *>(event);
    const QStringList files = drop != nullptr ? localFiles(drop->mimeData()) : QStringList();
    if (files.isEmpty())
        return QMainWindow::eventFilter(watched, event);
    drop->setDropAction(Qt::CopyAction);
    drop->accept();
    if (type == QEvent::Drop)
        openFiles(files);
    return true;
}

void MainWindow::openFiles(const QStringList &files) {
    const bool replaces = std::any_of(files.begin(), files.end(), [](const QString &file) {
        const views::FileKind kind = views::fileKind(file.toStdU16String());
        return kind == views::FileKind::Project ||
               (kind == views::FileKind::Other && !isSweepFile(file.toStdU16String()));
    });
    if (replaces)
        m_projects->beforeReplacing([this, files] { openAll(files); });
    else
        openAll(files);
}

void MainWindow::openAll(const QStringList &files) {
    for (const QString &file : files)
        if (isSweepFile(file.toStdU16String()))
            views::SweepDocument::of(m_context).open(file);
        else
            m_context.openFile(file);
}

bool MainWindow::openSample(const QString &name) {
    const auto sample = findSample(name);
    if (!sample)
        return false;
    m_projects->beforeReplacing([this, sample = *sample] {
        m_context.openModel(sample.model);
        if (!sample.calibration.isEmpty())
            m_context.openCalibration(sample.calibration);
        if (!sample.evaluation.isEmpty())
            m_context.openEvaluation(sample.evaluation);
    });
    return true;
}

void MainWindow::updateActions() {
    setAvailable(m_distill, m_context.model() ? QString() : tr("No model is open."));
    setAvailable(m_difference, whyNoDifference(m_context));
    setAvailable(m_calibrate, m_context.whyNotCalibrate());
    setAvailable(m_run, m_context.whyNotRun());
    setAvailable(m_sensitivity, m_context.whyNotSensitivity());
    setAvailable(m_sweep, views::SweepDocument::of(m_context).whyNotStart());
    setAvailable(m_flip, m_context.whyNotFlip());
    setAvailable(m_export, m_context.whyNotExport());
    setAvailable(m_readStored, m_context.whyNotReadStored());
    setAvailable(m_cancel, m_context.jobs().anyRunning() ? QString() : tr("Nothing is running."));
}

void MainWindow::updateTitle() {
    const auto model = m_context.model();
    const QString project = QFileInfo(m_session->file()).fileName();
    const QString name = model ? QString::fromStdU16String(model->file.filename().u16string()) : QString();
    const QStringList parts = {project, name, tr("Quantoscope")};
    QStringList shown;
    for (const QString &part : parts)
        if (!part.isEmpty())
            shown << part;
    setWindowTitle(shown.join(QStringLiteral(" — ")) + QStringLiteral("[*]"));
    setWindowModified(!project.isEmpty() && m_session->isModified());
}

void MainWindow::showNewErrors() {
    int errors = 0;
    for (const FindingList::Entry &entry : m_context.findings()->snapshot())
        errors += entry.finding.severity == Severity::Error ? entry.count : 0;
    // The list comes to the front without taking the focus from what the user does.
    if (views::ViewDock *dock = m_docks->dock(QStringLiteral("findings"));
        errors > m_errorsSeen && dock != nullptr) {
        dock->show();
        dock->raise();
    }
    m_errorsSeen = errors;
}

void MainWindow::toggleView(views::ViewDock *dock) {
    if (m_docks->isInFront(dock))
        dock->hide();
    else
        m_docks->raise(dock);
}

void MainWindow::saveRecipe() {
    const QString name = QString::fromStdString(m_context.recipe().name);
    const QString file = QFileDialog::getSaveFileName(
        this, tr("Save recipe"), (name.isEmpty() ? tr("recipe") : name) + QStringLiteral(".json"),
        tr("Recipes (*.json)"));
    if (!file.isEmpty())
        m_context.saveRecipe(file);
}

void MainWindow::exportModel() {
    const auto run = m_context.run();
    if (!run)
        return;
    const QFileInfo model(QString::fromStdU16String(run->model->file.u16string()));
    const QString name =
        QStringLiteral("%1-%2").arg(model.completeBaseName(), QString::fromStdString(run->name));
    ExportDialog dialog(QDir::current().filePath(name), this);
    if (dialog.exec() == QDialog::Accepted)
        m_context.exportRun(dialog.file(), dialog.exporterId(), dialog.options());
}

void MainWindow::askForMemoryLimit() {
    bool accepted = false;
    const int limit = QInputDialog::getInt(
        this, tr("Calibration memory"),
        tr("MiB that statistics, Hessians and the activations of a batch may take together, weights "
           "excluded:\n"
           "in runs, sweeps, sensitivity, transforms and trials. With too little for all Hessians they are "
           "made\n"
           "layer group by layer group: slower, with the same results. 0: no limit."),
        m_settings.calibrationMemoryMib(), 0, 1 << 24, 64, &accepted);
    if (!accepted)
        return;
    m_settings.setCalibrationMemoryMib(limit);
    m_context.setMemoryLimit(std::int64_t(limit) << 20);
}

void MainWindow::openPalette() {
    auto *palette = new CommandPalette(paletteEntries(*this, m_context), this);
    palette->setAttribute(Qt::WA_DeleteOnClose);
    palette->open();
}

void MainWindow::showAbout() {
    QMessageBox::about(this, tr("About Quantoscope"),
                       tr("<h3>Quantoscope %1</h3>"
                          "<p>Shows what quantization does to a neural network.</p>"
                          "<p>GPL-3.0-or-later. Built with Qt %2.</p>")
                           .arg(QApplication::applicationVersion(), QString::fromLatin1(qVersion())));
}

} // namespace qs::app
