#include "core/figure/number_line_figure.h"

#include "core/base/number_text.h"
#include "core/figure/figure_parts.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace qs {
namespace {

constexpr double kLegend = 28, kGap = 10;
constexpr double kTitleLine = 18, kTickRoom = 16; ///< above the errors of a row
constexpr double kDecades = 6;                    ///< shown of the errors, from the largest down

class NumberLineFigure final : public Figure {
public:
    explicit NumberLineFigure(NumberLinePicture picture) : m_data(std::move(picture)) {}
    std::string title() const override { return m_data.title; }
    std::string subtitle() const override { return m_data.subtitle; }
    FigureSize preferredSize() const override {
        return {1200, std::min(420 + 130 * static_cast<int>(m_data.rows.size()), 8000)};
    }
    Result<std::string> csv(const RunContext &ctx) const override;
    void drawContent(Drawing &drawing, const Rect &area, const FigureTheme &theme) const override;

private:
    /// Everything binned for one picture.
    struct Bins {
        BinnedError counts;
        std::vector<BinnedError> errors; ///< [rows]
        AxisScale x, y, error;
    };
    Bins bins(double width) const;
    void drawHistogram(Drawing &drawing, const Rect &plot, const Bins &bins, const FigureTheme &theme) const;
    void drawRow(Drawing &drawing, const Rect &row, std::size_t index, const Bins &bins,
                 const FigureTheme &theme) const;

    NumberLinePicture m_data;
};

/// The upper border of bars as a stair, from axis to axis.
std::vector<Point> stairs(const Rect &plot, const BinnedError &bins, const AxisScale &x,
                          const std::vector<double> &heights, const AxisScale &y) {
    const auto left = [&](double value) { return plot.left + x.position(value) * plot.width; };
    std::vector<Point> path{{left(bins.lo), plot.bottom()}};
    for (std::size_t i = 0; i < heights.size(); ++i) {
        const double share = heights[i] > 0 ? std::clamp(y.position(heights[i]), 0.0, 1.0) : 0;
        const double top = plot.bottom() - share * plot.height;
        path.push_back({left(bins.left(i)), top});
        path.push_back({left(bins.left(i + 1)), top});
    }
    path.push_back({path.back().x, plot.bottom()});
    return path;
}

std::string rowTitle(const NumberLineRow &row, bool isBest) {
    return fmt::format("{}{}{}: {:.1f} dB, MSE {}, clips {} %, {} of {} points used, range by {}",
                       isBest ? "★ " : "", row.format->title,
                       row.format->experimental ? " (experimental)" : "", row.error.sqnrDb(),
                       significant(row.error.mse(), 3), significant(100 * row.error.clippedShare(), 2),
                       row.error.usedPoints(), row.points.values.size(), clipChoiceText(row.choice));
}

NumberLineFigure::Bins NumberLineFigure::bins(double width) const {
    const auto all = m_data.values.values();
    double lo = all.front(), hi = all.back();
    for (const NumberLineRow &row : m_data.rows) { // a clip range wider than the values stays in the picture
        lo = std::min(lo, std::max<double>(row.points.values.front(), 2 * lo - hi));
        hi = std::max(hi, std::min<double>(row.points.values.back(), 2 * hi - lo));
    }
    const double margin = hi > lo ? 0.02 * (hi - lo) : std::max(0.5, std::fabs(lo) / 2);
    lo -= margin;
    hi += margin;
    const int count = std::clamp(static_cast<int>(width / 4), 16, 400);
    Bins result{binnedError(m_data.values, nullptr, lo, hi, count), {}, {lo, hi, false}, {}, {}};
    double most = 0, worst = 0;
    for (const std::int64_t values : result.counts.counts)
        most = std::max(most, static_cast<double>(values));
    for (const NumberLineRow &row : m_data.rows) {
        result.errors.push_back(binnedError(m_data.values, &row.points, lo, hi, count));
        for (const double error : result.errors.back().errors)
            worst = std::max(worst, error);
    }
    result.y = {0.5, std::max(10.0, most * 1.5), true};
    worst = worst > 0 ? worst : 1;
    result.error = {worst * std::pow(10.0, -kDecades), worst * 2, true};
    return result;
}

void NumberLineFigure::drawHistogram(Drawing &drawing, const Rect &plot, const Bins &bins,
                                     const FigureTheme &theme) const {
    drawVerticalAxis(drawing, plot, bins.y, "values per bin", theme);
    const std::vector<double> counts(bins.counts.counts.begin(), bins.counts.counts.end());
    const std::vector<Point> shape = stairs(plot, bins.counts, bins.x, counts, bins.y);
    drawing.clip({plot.left, plot.top, plot.width, plot.height - 0.5});
    drawing.fill(shape, theme.first, 0.45);
    drawing.line(shape, {theme.first, 1});
    drawing.unclip();
}

void NumberLineFigure::drawRow(Drawing &drawing, const Rect &row, std::size_t index, const Bins &bins,
                               const FigureTheme &theme) const {
    const NumberLineRow &data = m_data.rows[index];
    const bool isBest = bestRow(m_data.rows) == static_cast<int>(index);
    drawing.text({row.left, row.top + 12}, rowTitle(data, isBest), {12, theme.text, isBest});
    const Rect plot{row.left, row.top + kTitleLine, row.width, row.height - kTitleLine};
    const auto left = [&](double value) { return plot.left + bins.x.position(value) * plot.width; };
    drawing.clip(plot);
    for (const auto &[from, to] : {std::pair{plot.left, left(data.points.firstKept)},
                                   std::pair{left(data.points.firstLost), plot.right()}})
        if (to > from)
            drawing.fill(Rect{from, plot.top, to - from, plot.height}, theme.grid, 0.8);
    for (const float value : data.points.values) {
        const double x = left(static_cast<double>(value));
        drawing.line({x, plot.top}, {x, plot.top + kTickRoom - 4}, {theme.accent, 1});
    }
    const Rect errors{plot.left, plot.top + kTickRoom, plot.width, plot.height - kTickRoom};
    const std::vector<Point> shape =
        stairs(errors, bins.errors[index], bins.x, bins.errors[index].errors, bins.error);
    drawing.fill(shape, theme.second, 0.35);
    drawing.line(shape, {theme.second, 1});
    drawing.unclip();
    drawVerticalAxis(drawing, errors, bins.error, "Σ error²", theme);
    drawing.line({plot.left, plot.bottom()}, {plot.right(), plot.bottom()}, {theme.axis, 1});
}

void NumberLineFigure::drawContent(Drawing &drawing, const Rect &area, const FigureTheme &theme) const {
    if (m_data.values.count() == 0)
        return drawEmptyState(drawing, area, "There is no finite value to show.", theme);
    const Bins bins = this->bins(area.width);
    const double axis =
        std::max(verticalAxisWidth(drawing, bins.y, 200), verticalAxisWidth(drawing, bins.error, 200));
    const double height = area.height - kLegend - kHorizontalAxisHeight;
    const auto rows = static_cast<double>(m_data.rows.size());
    const double rowHeight = rows > 0 ? std::min(130.0, 0.68 * height / rows) : 0;
    const Rect histogram{area.left + axis, area.top + kLegend, area.width - axis - 8,
                         height - rows * rowHeight};
    if (histogram.empty())
        return;
    drawLegend(
        drawing, area,
        std::vector<LegendEntry>{{"values", theme.first, LegendEntry::Mark::Area},
                                 {"code point", theme.accent, LegendEntry::Mark::Tick},
                                 {"squared error per bin, one scale", theme.second, LegendEntry::Mark::Area},
                                 {"clipped", theme.grid, LegendEntry::Mark::Area}},
        theme);
    const Rect whole{histogram.left, histogram.top, histogram.width, height};
    drawHorizontalAxis(drawing, whole, bins.x, m_data.valueName, theme);
    drawHistogram(drawing, histogram, bins, theme);
    for (std::size_t i = 0; i < m_data.rows.size(); ++i)
        drawRow(drawing,
                {histogram.left, histogram.bottom() + static_cast<double>(i) * rowHeight + kGap,
                 histogram.width, rowHeight - kGap},
                i, bins, theme);
}

Result<std::string> NumberLineFigure::csv(const RunContext & /*ctx*/) const {
    std::string text = "from,to,values";
    for (const NumberLineRow &row : m_data.rows)
        text += "," + csvField("squared error of " + row.format->title);
    text += '\n';
    if (m_data.values.count() == 0)
        return text;
    const Bins bins = this->bins(preferredSize().width);
    for (std::size_t bin = 0; bin < bins.counts.counts.size(); ++bin) {
        text += fmt::format("{},{},{}", bins.counts.left(bin), bins.counts.left(bin + 1),
                            bins.counts.counts[bin]);
        for (const BinnedError &errors : bins.errors)
            text += fmt::format(",{}", errors.errors[bin]);
        text += '\n';
    }
    return text;
}

} // namespace

std::unique_ptr<Figure> makeNumberLineFigure(NumberLinePicture picture) {
    return std::make_unique<NumberLineFigure>(std::move(picture));
}

} // namespace qs
