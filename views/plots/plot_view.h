#pragma once

#include "views/plots/plot_style.h"
#include "views/shared/figure_source.h"

#include <QWidget>
#include <functional>
#include <vector>

class QCPItemStraightLine;
class QCPItemText;
class QCustomPlot;

namespace qs::views {

/// A chart with the manners that all charts share: wheel zooms at the pointer, drag pans, double click fits
/// (keys +, -, F and arrows too), a read-out follows the pointer, the context menu exports figure and data.
/// A chart of several axis rectangles above each other is one chart: the pointer is followed in all.
class PlotView : public QWidget, public FigureSource {
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
    /// Called with the size of the chart whenever that changes, and around an export: for what depends on it.
    void setSizer(std::function<void(QSize)> sizer);
    /// Which axes wheel and drag change.
    void setZoomAxes(Qt::Orientations axes);
    /// Name that export dialogs suggest, without suffix.
    void setFileName(const QString &name) { m_fileName = name; }
    /// What captions call the figure; by default its accessible name.
    void setFigureTitle(const QString &title) { m_figureTitle = title; }
    void fit();

    QString figureName() const override { return m_fileName; }
    QString figureTitle() const override;
    QSize figureSize() const override { return size(); }
    bool hasFigure() const override;
    FigureWork prepareFigure(const FigureRequest &request) override;

signals:
    void clicked(double x, double y); ///< axis coordinates, pressed and released without dragging

protected:
    void changeEvent(QEvent *event) override;
    void resizeEvent(QResizeEvent *event) override;
    void keyPressEvent(QKeyEvent *event) override;
    void contextMenuEvent(QContextMenuEvent *event) override;
    bool eventFilter(QObject *watched, QEvent *event) override;

private:
    void connectPlot();
    void applyStyle(const PlotTheme &theme);
    void updateReadOut(const QPoint &position);
    void hideReadOut();
    void placeCrosshairs(double x);
    void zoom(double factor);
    void pan(double xShare, double yShare);
    void layOutFor(QSize size);

    QCustomPlot *m_plot;
    std::vector<QCPItemStraightLine *> m_crosshairs; ///< one per axis rectangle; they share the x axis
    QCPItemText *m_readOutText;
    std::function<void(const PlotTheme &)> m_styler;
    std::function<void()> m_fitter;
    std::function<QString(double, double)> m_readOut;
    Qt::Orientations m_zoomAxes = Qt::Horizontal | Qt::Vertical;
    std::function<void(QSize)> m_sizer;
    QString m_fileName = QStringLiteral("figure"), m_figureTitle;
    QPoint m_pressed;
};

} // namespace qs::views
