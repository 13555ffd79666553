#pragma once

#include "core/figure/axis.h"
#include "core/figure/figure.h"

namespace qs {

// What several figures draw the same way.

struct LegendEntry {
    enum class Mark { Area, Line, Tick };
    std::string text;
    Rgb color;
    Mark mark = Mark::Area;
};

/// One line of entries that ends at the top right corner of `area`; returns its height.
double drawLegend(Drawing &drawing, const Rect &area, std::span<const LegendEntry> entries,
                  const FigureTheme &theme);

/// Ticks, grid lines across the plot, labels and title: below the plot, and left of it.
void drawHorizontalAxis(Drawing &drawing, const Rect &plot, const AxisScale &scale, const std::string &title,
                        const FigureTheme &theme);
void drawVerticalAxis(Drawing &drawing, const Rect &plot, const AxisScale &scale, const std::string &title,
                      const FigureTheme &theme);
/// Room for labels and title of the axes.
double verticalAxisWidth(const Drawing &drawing, const AxisScale &scale, double plotHeight);
inline constexpr double kHorizontalAxisHeight = 48;

/// A vertical colour bar in the left part of `area`, with ticks and title right of it. Values map linearly or
/// logarithmically from scale.lo (t = 0) to scale.hi (t = 1).
void drawColorBar(Drawing &drawing, const Rect &area, const ColorMap &map, const AxisScale &scale,
                  const std::string &title, const FigureTheme &theme);
/// The same for any scale: ticks whose value is the place on the map, 0..1.
void drawColorBar(Drawing &drawing, const Rect &area, const ColorMap &map, std::span<const Tick> places,
                  const std::string &title, const FigureTheme &theme);
/// Labelled ticks that a bar of this height has room for.
int colorBarTicks(double height);
inline constexpr double kColorBarWidth = 92;

/// Names left of rows of equal height, every k-th when they are too tight.
void drawRowLabels(Drawing &drawing, const Rect &plot, std::span<const std::string> labels, double width,
                   const FigureTheme &theme);
/// The widest label, but at most `limit`.
double rowLabelWidth(const Drawing &drawing, std::span<const std::string> labels, double limit);

/// Centred text instead of content: why there is nothing to see.
void drawEmptyState(Drawing &drawing, const Rect &area, const std::string &text, const FigureTheme &theme);

} // namespace qs
