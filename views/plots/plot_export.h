#pragma once

#include "views/shared/figure_source.h"

class QCustomPlot;

namespace qs::views {

struct PlotTheme;

/// The size that a chart is laid out for, in pixels: that of the paper, less the room of the caption, at the
/// size of text asked for.
QSize chartSizeOnPaper(const FigureRequest &request, const QFont &font);

/// Draws a chart as it is now, or takes its data ("series,x,y"). Colours and fonts are the plot's; the
/// caption takes those of the theme. GUI thread; what is returned may run on any.
FigureWork prepareChart(QCustomPlot &plot, const PlotTheme &theme, const FigureRequest &request);

} // namespace qs::views
