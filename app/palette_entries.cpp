#include "app/palette_entries.h"

#include <QAction>
#include <QDockWidget>
#include <QMainWindow>
#include <QMenu>
#include <QMenuBar>

namespace qs::app {
namespace {

QString tr(const char *text) {
    return QCoreApplication::translate("qs::app::CommandPalette", text);
}

QString plain(QString text) {
    return text.remove('&');
}

void addAction(std::vector<PaletteEntry> &entries, const QString &group, QAction *action) {
    if (action->isSeparator() || action->text().isEmpty())
        return;
    PaletteEntry entry;
    entry.title = QStringLiteral("%1: %2").arg(group, plain(action->text()));
    entry.hint = action->shortcut().toString(QKeySequence::NativeText);
    if (!action->isEnabled())
        entry.whyNot = action->statusTip().isEmpty() ? tr("not possible now") : action->statusTip();
    // Whatever closes meanwhile takes its action along.
    entry.run = [guard = QPointer<QAction>(action)] {
        if (guard)
            guard->trigger();
    };
    entries.push_back(std::move(entry));
}

void addMenu(std::vector<PaletteEntry> &entries, const QString &group, const QMenu &menu) {
    for (QAction *action : menu.actions())
        if (const QMenu *inner = action->menu())
            addMenu(entries, QStringLiteral("%1 › %2").arg(group, plain(action->text())), *inner);
        else
            addAction(entries, group, action);
}

void addDockActions(std::vector<PaletteEntry> &entries, QMainWindow &window) {
    for (QDockWidget *dock : window.findChildren<QDockWidget *>())
        for (QAction *action : dock->findChildren<QAction *>())
            if (!action->objectName().isEmpty() && action->menu() == nullptr && dock->isVisible())
                addAction(entries, dock->windowTitle(), action);
}

void addRuns(std::vector<PaletteEntry> &entries, views::WorkbenchContext &context) {
    for (const RunEntry &run : context.runs().entries())
        entries.push_back({tr("Show run %1").arg(QString::fromStdString(run.title())),
                           {},
                           {},
                           [&context, number = run.number] { context.showRun(number); }});
}

void addLayers(std::vector<PaletteEntry> &entries, views::WorkbenchContext &context) {
    const auto model = context.model();
    if (!model)
        return;
    for (const Layer &layer : model->layers)
        entries.push_back({tr("Select layer %1").arg(QString::fromStdString(layer.name)),
                           QString::fromLatin1(layerKindName(layer.kind)) + ' ' +
                               QString::fromStdString(layer.weightShape.text()),
                           {},
                           [&context, model, id = layer.id] {
                               if (context.model() == model)
                                   context.select(views::Selection::ofLayer(id));
                           }});
}

} // namespace

std::vector<PaletteEntry> paletteEntries(QMainWindow &window, views::WorkbenchContext &context) {
    std::vector<PaletteEntry> entries;
    for (QAction *action : window.menuBar()->actions())
        if (const QMenu *menu = action->menu())
            addMenu(entries, plain(action->text()), *menu);
    addDockActions(entries, window);
    addRuns(entries, context);
    addLayers(entries, context);
    return entries;
}

} // namespace qs::app
