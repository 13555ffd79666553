#pragma once

#include "views/shared/figure_source.h"

#include <QDockWidget>
#include <QPointer>

class QAction;
class QMenu;

namespace qs::views {

class WorkbenchContext;

/// Exports and copies the figures of one view: two actions of its dock ("export_figure", Ctrl+Shift+S, and
/// "copy_figure", Ctrl+Shift+C), which context menus of its figures offer, too. Failures become findings.
class FigureExporter final : public QObject {
    Q_OBJECT
public:
    FigureExporter(QDockWidget &dock, WorkbenchContext &context);

    /// Whether a widget or anything in it is a figure.
    static bool hasFigures(const QWidget &widget);
    /// Adds the actions to the context menu of a figure, if its view can export.
    static void addTo(QMenu &menu, QWidget &figure);

    /// The figure that has the focus, else the largest that is shown; null when there is nothing to draw.
    QWidget *current() const;
    /// Starts a job that writes the file.
    void write(QWidget &figure, const FigureRequest &request, const QString &file);
    /// Starts a job that puts PNG and SVG on the clipboard.
    void copy(QWidget &figure, FigureRequest request);
    /// What a caption says by default: the figure, and where its data comes from.
    QString caption(const QWidget &figure) const;

private:
    void ask(QWidget *figure);
    void tellNothing();

    QDockWidget &m_dock;
    WorkbenchContext &m_context;
    QAction *m_export, *m_copy;
};

} // namespace qs::views
