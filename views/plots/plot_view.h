#pragma once

#include "core/base/result.h"
#include "views/plots/plot_style.h"

#include <QWidget>
#include <functional>

class QCPItemStraightLine;
class QCPItemText;
class QCustomPlot;

namespace qs::views {

/// A chart with the manners that all charts share: wheel zooms at the pointer, drag pans, double click fits
/// (keys +, -, F and arrows too), a read-out follows the pointer, the context menu exports figure and data.
class PlotView : public QWidget {
    Q_OBJECT
public:
    explicit PlotView(QWidget *parent = nullptr);

    QCustomPlot &plot() { return *m_plot; }
    /// Redraws with the next event loop pass.
    void replot();

    /// Called with the theme now, whenever it changes, and around an export. Sets pens and brushes only.
    void setStyler(std::function<void(const PlotTheme &)> styler);
    /// Sets the axis ranges that show everything.
    void setFitter(std::function<void()> fitter);
    /// Text for axis coordinates under the pointer; empty hides the read-out.
    void setReadOut(std::function<QString(double x, double y)> readOut);
    /// Which axes wheel and drag change.
    void setZoomAxes(Qt::Orientations axes);
    /// Name that export dialogs suggest, without suffix.
    void setFileName(const QString &name) { m_fileName = name; }
    void fit();

    /// Writes what is shown: .svg, .pdf, .png (figure on white) or .csv (data of all series).
    /// \error Unsupported  another suffix;  IoError
    Status exportTo(const QString &file);

signals:
    void clicked(double x, double y); ///< axis coordinates, pressed and released without dragging
    void exportFailed(const QString &what);

protected:
    void changeEvent(QEvent *event) override;
    void keyPressEvent(QKeyEvent *event) override;
    void contextMenuEvent(QContextMenuEvent *event) override;
    bool eventFilter(QObject *watched, QEvent *event) override;

private:
    void connectPlot();
    void applyStyle(const PlotTheme &theme);
    void updateReadOut(const QPoint &position);
    void hideReadOut();
    void zoom(double factor);
    void pan(double xShare, double yShare);
    void chooseExport();

    QCustomPlot *m_plot;
    QCPItemStraightLine *m_crosshair;
    QCPItemText *m_readOutText;
    std::function<void(const PlotTheme &)> m_styler;
    std::function<void()> m_fitter;
    std::function<QString(double, double)> m_readOut;
    Qt::Orientations m_zoomAxes = Qt::Horizontal | Qt::Vertical;
    QString m_fileName = QStringLiteral("figure");
    QPoint m_pressed;
};

} // namespace qs::views
