#pragma once

#include <QColor>

class QCPAxis;
class QCustomPlot;

namespace qs::views {

/// Colours of a chart, from the palette of the application or fixed for export.
struct PlotTheme {
    QColor background, text, weakText, grid, accent;
    bool isDark = false;

    static PlotTheme ofApplication();
    static PlotTheme ofPaper(); ///< light, for exported figures

    /// Colours for things without order. Neighbours differ in lightness too, so they are told apart without
    /// hue.
    QColor series(int index) const;
    /// Colours for things with an order (bits): darker is less.
    QColor ordered(int index, int count) const;
};

/// Gives axes, grid, legend and background the theme.
void applyTheme(QCustomPlot &plot, const PlotTheme &theme);

/// A logarithmic axis, or a linear one again. Ticks are powers of ten over many decades and plain numbers
/// over few, where powers would round to the same text.
void setLogarithmic(QCPAxis &axis, bool logarithmic = true);

/// Breaks the legend into as many columns, at most four, as fit the width.
void wrapLegend(QCustomPlot &plot, int width);

/// Shows the legend in a row of its own above the axes, where it hides no data.
void placeLegendAbove(QCustomPlot &plot);

} // namespace qs::views
