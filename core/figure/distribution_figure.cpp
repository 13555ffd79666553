#include "core/figure/distribution_figure.h"

#include "core/figure/figure_parts.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace qs {
namespace {

class DistributionFigure final : public Figure {
public:
    explicit DistributionFigure(Distribution distribution) : m_data(std::move(distribution)) {}
    std::string title() const override { return m_data.title; }
    std::string subtitle() const override { return m_data.subtitle + "."; }
    Result<std::string> csv(const RunContext &ctx) const override;
    void drawContent(Drawing &drawing, const Rect &area, const FigureTheme &theme) const override;

private:
    /// Where values and counts are on the sheet.
    struct Mapping {
        Rect plot;
        AxisScale x, y;

        double left(double value) const { return plot.left + x.position(value) * plot.width; }
        /// Empty bins stand on the axis; a single count already shows.
        double top(double count) const {
            return plot.bottom() - (count > 0 ? std::max(0.0, y.position(count)) : 0) * plot.height;
        }
    };
    static std::vector<Point> outline(const Bars &bars, const Mapping &mapping);
    void drawLegendLine(Drawing &drawing, const Rect &area, const FigureTheme &theme) const;
    void drawGridPoints(Drawing &drawing, const Mapping &mapping, const FigureTheme &theme) const;
    void drawClipped(Drawing &drawing, const Mapping &mapping, const FigureTheme &theme) const;

    Distribution m_data;
};

/// The upper border of the bars as a stair, from axis to axis.
std::vector<Point> DistributionFigure::outline(const Bars &bars, const Mapping &mapping) {
    std::vector<Point> path{{mapping.left(bars.lo), mapping.plot.bottom()}};
    for (std::size_t i = 0; i < bars.counts.size(); ++i) {
        const double y = mapping.top(bars.counts[i]);
        path.push_back({mapping.left(bars.lo + static_cast<double>(i) * bars.width), y});
        path.push_back({mapping.left(bars.lo + static_cast<double>(i + 1) * bars.width), y});
    }
    path.push_back({path.back().x, mapping.plot.bottom()});
    return path;
}

void DistributionFigure::drawContent(Drawing &drawing, const Rect &area, const FigureTheme &theme) const {
    const Bars &reference = m_data.reference;
    double highest = *std::max_element(reference.counts.begin(), reference.counts.end());
    if (m_data.quantized)
        highest = std::max(
            highest, *std::max_element(m_data.quantized->counts.begin(), m_data.quantized->counts.end()));
    if (highest <= 0)
        return drawEmptyState(drawing, area, "There is no finite value to show.", theme);

    constexpr double kLegend = 28;
    const AxisScale counts{0.5, std::max(10.0, highest * 1.5), true};
    const double axis = verticalAxisWidth(drawing, counts, area.height);
    Mapping mapping;
    mapping.plot = {area.left + axis, area.top + kLegend, area.width - axis - 8,
                    area.height - kLegend - kHorizontalAxisHeight};
    mapping.x = {reference.lo, reference.lo + reference.width * static_cast<double>(reference.counts.size()),
                 false};
    mapping.y = counts;
    if (mapping.plot.empty())
        return;

    drawLegendLine(drawing, area, theme);
    drawVerticalAxis(drawing, mapping.plot, mapping.y, "values per bin", theme);
    drawHorizontalAxis(drawing, mapping.plot, mapping.x, m_data.valueName, theme);
    drawing.clip(
        {mapping.plot.left, mapping.plot.top, mapping.plot.width, mapping.plot.height - 0.5}); // not the axis
    drawClipped(drawing, mapping, theme);
    const std::vector<Point> shape = outline(reference, mapping);
    drawing.fill(shape, theme.first, 0.45);
    drawing.line(shape, {theme.first, 1});
    if (m_data.quantized) {
        const std::vector<Point> overlay = outline(*m_data.quantized, mapping);
        drawing.fill(overlay, theme.second, 0.2);
        drawing.line(overlay, {theme.second, 1.4});
    }
    drawing.unclip();
    drawGridPoints(drawing, mapping, theme);
}

void DistributionFigure::drawLegendLine(Drawing &drawing, const Rect &area, const FigureTheme &theme) const {
    std::vector<LegendEntry> entries{{"float", theme.first, LegendEntry::Mark::Area}};
    if (m_data.quantized)
        entries.push_back({"quantized", theme.second, LegendEntry::Mark::Line});
    if (!m_data.gridPoints.empty())
        entries.push_back({"grid point", theme.accent, LegendEntry::Mark::Tick});
    if (m_data.covered)
        entries.push_back({"clipped range", theme.grid, LegendEntry::Mark::Area});
    drawLegend(drawing, area, entries, theme);
}

void DistributionFigure::drawGridPoints(Drawing &drawing, const Mapping &mapping,
                                        const FigureTheme &theme) const {
    constexpr std::size_t kMostLines = 64; // more would hide the histogram: short marks then
    const bool lines = m_data.gridPoints.size() <= kMostLines;
    for (const double point : m_data.gridPoints) {
        const double x = mapping.left(point);
        if (x < mapping.plot.left - 0.5 || x > mapping.plot.right() + 0.5)
            continue;
        if (lines)
            drawing.line({x, mapping.plot.top}, {x, mapping.plot.bottom()}, {theme.accent, 1, 0.55, true});
        drawing.line({x, mapping.plot.top - (lines ? 4 : 0)}, {x, mapping.plot.top + (lines ? 0 : 9)},
                     {theme.accent, 1});
    }
}

void DistributionFigure::drawClipped(Drawing &drawing, const Mapping &mapping,
                                     const FigureTheme &theme) const {
    if (!m_data.covered)
        return;
    const Rect &plot = mapping.plot;
    const double left = std::max(plot.left, mapping.left(m_data.covered->lo));
    const double right = std::min(plot.right(), mapping.left(m_data.covered->hi));
    drawing.fill(Rect{plot.left, plot.top, std::max(0.0, left - plot.left), plot.height}, theme.grid, 0.8);
    drawing.fill(Rect{right, plot.top, std::max(0.0, plot.right() - right), plot.height}, theme.grid, 0.8);
}

Result<std::string> DistributionFigure::csv(const RunContext & /*ctx*/) const {
    const Bars &bars = m_data.reference;
    std::string text = m_data.quantized ? "from,to,float,quantized\n" : "from,to,float\n";
    for (std::size_t i = 0; i < bars.counts.size(); ++i) {
        const double from = bars.lo + static_cast<double>(i) * bars.width;
        text += fmt::format("{},{},{}", from, from + bars.width, bars.counts[i]);
        text += m_data.quantized ? fmt::format(",{}\n", m_data.quantized->counts[i]) : "\n";
    }
    return text;
}

} // namespace

std::unique_ptr<Figure> makeDistributionFigure(Distribution distribution) {
    return std::make_unique<DistributionFigure>(std::move(distribution));
}

} // namespace qs
