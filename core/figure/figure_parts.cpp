#include "core/figure/figure_parts.h"

#include <algorithm>
#include <cmath>

namespace qs {
namespace {

constexpr double kLabelSize = 11.5, kTitleSize = 12;
constexpr double kTickLength = 5;

/// On the middle of a pixel, so that thin lines are crisp.
double crisp(double position) {
    return std::floor(position) + 0.5;
}

int ticksThatFit(double length, double perTick) {
    return std::max(2, static_cast<int>(length / perTick));
}

} // namespace

double drawLegend(Drawing &drawing, const Rect &area, std::span<const LegendEntry> entries,
                  const FigureTheme &theme) {
    const TextStyle style{kLabelSize, theme.text, false, Align::Start, Align::Middle};
    constexpr double kMark = 16, kGap = 6, kBetween = 22, kHeight = 22;
    double width = -kBetween;
    for (const LegendEntry &entry : entries)
        width += kMark + kGap + drawing.textWidth(entry.text, style) + kBetween;
    const double middle = area.top + kHeight / 2 - 2;
    for (double x = area.right() - width; const LegendEntry &entry : entries) {
        if (entry.mark == LegendEntry::Mark::Area)
            drawing.fill(Rect{x, middle - 5, kMark, 10}, entry.color);
        else if (entry.mark == LegendEntry::Mark::Line)
            drawing.line({x, middle}, {x + kMark, middle}, {entry.color, 2});
        else
            drawing.line({x + kMark / 2, middle - 7}, {x + kMark / 2, middle + 7}, {entry.color, 1.5});
        drawing.text({x + kMark + kGap, middle}, entry.text, style);
        x += kMark + kGap + drawing.textWidth(entry.text, style) + kBetween;
    }
    return kHeight;
}

void drawHorizontalAxis(Drawing &drawing, const Rect &plot, const AxisScale &scale, const std::string &title,
                        const FigureTheme &theme) {
    const TextStyle label{kLabelSize, theme.faintText, false, Align::Middle, Align::Start};
    const double baseline = crisp(plot.bottom());
    for (const Tick &tick : niceTicks(scale, ticksThatFit(plot.width, 110))) {
        const double x = crisp(plot.left + scale.position(tick.value) * plot.width);
        if (!tick.label.empty())
            drawing.line({x, plot.top}, {x, plot.bottom()}, {theme.grid, 1});
        drawing.line({x, baseline}, {x, baseline + (tick.label.empty() ? 3 : kTickLength)}, {theme.axis, 1});
        drawing.text({x, baseline + kTickLength + 5}, tick.label, label);
    }
    drawing.line({plot.left, baseline}, {plot.right(), baseline}, {theme.axis, 1});
    const TextStyle heading{kTitleSize, theme.text, false, Align::Middle, Align::Start};
    drawing.text({plot.centerX(), baseline + 29}, drawing.fitText(title, plot.width, heading), heading);
}

void drawVerticalAxis(Drawing &drawing, const Rect &plot, const AxisScale &scale, const std::string &title,
                      const FigureTheme &theme) {
    const TextStyle label{kLabelSize, theme.faintText, false, Align::End, Align::Middle};
    const double axis = crisp(plot.left);
    for (const Tick &tick : niceTicks(scale, ticksThatFit(plot.height, 48))) {
        const double y = crisp(plot.bottom() - scale.position(tick.value) * plot.height);
        if (!tick.label.empty())
            drawing.line({plot.left, y}, {plot.right(), y}, {theme.grid, 1});
        drawing.line({axis - (tick.label.empty() ? 3 : kTickLength), y}, {axis, y}, {theme.axis, 1});
        drawing.text({axis - kTickLength - 4, y}, tick.label, label);
    }
    drawing.line({axis, plot.top}, {axis, plot.bottom()}, {theme.axis, 1});
    TextStyle heading{kTitleSize, theme.text, false, Align::Middle, Align::Start};
    heading.upwards = true;
    drawing.text({plot.left - verticalAxisWidth(drawing, scale, plot.height), plot.centerY()},
                 drawing.fitText(title, plot.height, heading), heading);
}

double verticalAxisWidth(const Drawing &drawing, const AxisScale &scale, double plotHeight) {
    const TextStyle label{kLabelSize, {}};
    double widest = 0;
    for (const Tick &tick : niceTicks(scale, ticksThatFit(plotHeight, 48)))
        widest = std::max(widest, drawing.textWidth(tick.label, label));
    return widest + kTickLength + 4 + 12 + kTitleSize;
}

int colorBarTicks(double height) {
    return ticksThatFit(height, 48);
}

void drawColorBar(Drawing &drawing, const Rect &area, const ColorMap &map, const AxisScale &scale,
                  const std::string &title, const FigureTheme &theme) {
    std::vector<Tick> places = niceTicks(scale, colorBarTicks(area.height));
    for (Tick &tick : places)
        tick.value = scale.position(tick.value);
    drawColorBar(drawing, area, map, places, title, theme);
}

void drawColorBar(Drawing &drawing, const Rect &area, const ColorMap &map, std::span<const Tick> places,
                  const std::string &title, const FigureTheme &theme) {
    constexpr double kBar = 16;
    const Rect bar{area.left, area.top, kBar, area.height};
    PixelImage image{1, ColorMap::kSteps, {map.colors.rbegin(), map.colors.rend()}};
    drawing.image(bar, image);
    const TextStyle label{kLabelSize, theme.faintText, false, Align::Start, Align::Middle};
    double widest = 0;
    for (const Tick &tick : places) {
        const double y = crisp(bar.bottom() - tick.value * bar.height);
        drawing.line({bar.right(), y}, {bar.right() + (tick.label.empty() ? 3 : kTickLength), y},
                     {theme.axis, 1});
        drawing.text({bar.right() + kTickLength + 4, y}, tick.label, label);
        widest = std::max(widest, drawing.textWidth(tick.label, label));
    }
    TextStyle heading{kTitleSize, theme.text, false, Align::Middle, Align::Start};
    heading.upwards = true;
    drawing.text({bar.right() + kTickLength + 4 + widest + 9, bar.centerY()},
                 drawing.fitText(title, bar.height, heading), heading);
}

void drawRowLabels(Drawing &drawing, const Rect &plot, std::span<const std::string> labels, double width,
                   const FigureTheme &theme) {
    if (labels.empty())
        return;
    const double rowHeight = plot.height / static_cast<double>(labels.size());
    const TextStyle style{std::clamp(rowHeight * 0.75, 9.0, kLabelSize), theme.text, false, Align::End,
                          Align::Middle};
    const auto every = static_cast<std::size_t>(std::max(1.0, std::ceil((style.size + 1.5) / rowHeight)));
    for (std::size_t i = 0; i < labels.size(); i += every)
        drawing.text({plot.left - 8, plot.top + (static_cast<double>(i) + 0.5) * rowHeight},
                     drawing.fitText(labels[i], width, style), style);
}

double rowLabelWidth(const Drawing &drawing, std::span<const std::string> labels, double limit) {
    const TextStyle style{kLabelSize, {}};
    double widest = 0;
    for (const std::string &label : labels)
        widest = std::max(widest, drawing.textWidth(label, style));
    return std::min(widest, limit);
}

void drawEmptyState(Drawing &drawing, const Rect &area, const std::string &text, const FigureTheme &theme) {
    drawing.text({area.centerX(), area.centerY()}, text,
                 {14, theme.faintText, false, Align::Middle, Align::Middle});
}

} // namespace qs
