#include "views/canvas/heat_map_figure.h"

#include "core/base/number_text.h"
#include "core/figure/figure_parts.h"
#include "views/canvas/heat_map_tiles.h"
#include "views/shared/format_text.h"

#include <cmath>
#include <fmt/format.h>

namespace qs::views {
namespace {

constexpr double kLabelSize = 11.5, kGap = 8, kTick = 4, kMarkLength = 6;
constexpr double kSmallestFrame = 7; ///< pixels of a cell that an outline fits in
constexpr std::int64_t kMostTableCells = 20'000'000;

class HeatMapFigure final : public Figure {
public:
    HeatMapFigure(HeatMapScene scene, HeatMapWindow window)
        : m_scene(std::move(scene)), m_data(*m_scene.data), m_window(window) {
        for (std::int64_t row = window.firstRow; row < window.endRow && !m_scene.rowNames.empty(); ++row)
            m_names.push_back(m_scene.rowNames[static_cast<std::size_t>(row)].toStdString());
    }
    std::string title() const override {
        const std::string axes =
            fmt::format("{} × {}", m_scene.rowTitle.toStdString(), m_scene.columnTitle.toStdString());
        return fmt::format("{}, {}", m_scene.valueTitle.toStdString(), axes);
    }
    std::string subtitle() const override {
        std::string text = fmt::format(
            "{}s {}–{}, {}s {}–{}", m_scene.rowTitle.toStdString(), m_window.firstRow, m_window.endRow - 1,
            m_scene.columnTitle.toStdString(), m_window.firstCol, m_window.endCol - 1);
        if (m_data.nonFiniteCount() > 0)
            text += fmt::format(". NaN or Inf: {} (magenta)", withThousands(m_data.nonFiniteCount()));
        return text;
    }
    void drawContent(Drawing &drawing, const Rect &area, const FigureTheme &theme) const override;
    Result<std::string> csv(const RunContext &ctx) const override;

private:
    double x(const Rect &plot, double col) const {
        return plot.left + (col - static_cast<double>(m_window.firstCol)) * plot.width /
                               static_cast<double>(m_window.cols());
    }
    double y(const Rect &plot, double row) const {
        return plot.top + (row - static_cast<double>(m_window.firstRow)) * plot.height /
                              static_cast<double>(m_window.rows());
    }
    double labelWidth(const Drawing &drawing, double most) const;
    void drawCells(Drawing &drawing, const Rect &plot, const FigureTheme &theme) const;
    void drawRowTitles(Drawing &drawing, const Rect &plot, double width, const FigureTheme &theme) const;
    void drawColumnTitles(Drawing &drawing, const Rect &plot, const FigureTheme &theme) const;
    void drawOutliers(Drawing &drawing, const Rect &plot, const FigureTheme &theme) const;
    void drawScale(Drawing &drawing, const Rect &bar, const FigureTheme &theme) const;

    HeatMapScene m_scene;
    const HeatMapData &m_data;
    HeatMapWindow m_window;
    std::vector<std::string> m_names; ///< of the rows in the window; empty: numbered
};

double HeatMapFigure::labelWidth(const Drawing &drawing, double most) const {
    const std::string last = std::to_string(m_window.endRow);
    return m_names.empty() ? drawing.textWidth(last, {kLabelSize, {}})
                           : rowLabelWidth(drawing, m_names, most);
}

void HeatMapFigure::drawContent(Drawing &drawing, const Rect &area, const FigureTheme &theme) const {
    const double top = kLabelSize + 2 * kGap, bottom = 2 * kLabelSize + kTick + 2 * kGap;
    const double labels = labelWidth(drawing, 0.3 * area.width);
    const double right = kMarkLength + 2 * kGap + kColorBarWidth;
    const Rect plot{area.left + labels + kTick + kGap, area.top + top,
                    area.width - labels - kTick - kGap - right, area.height - top - bottom};
    if (plot.empty())
        return;
    drawing.fill(plot, theme.nothing);
    drawCells(drawing, plot, theme);
    drawing.frame(plot, {theme.axis, 0.8});
    drawRowTitles(drawing, plot, labels, theme);
    drawColumnTitles(drawing, plot, theme);
    drawOutliers(drawing, plot, theme);
    drawScale(drawing, {plot.right() + kMarkLength + 2 * kGap, plot.top, kColorBarWidth, plot.height}, theme);
}

/// Cells are joined until each has a dot of the paper.
void HeatMapFigure::drawCells(Drawing &drawing, const Rect &plot, const FigureTheme &theme) const {
    const double dots = std::max(2.0, drawing.scale());
    const int rowLevel = levelForScale(dots * plot.height / static_cast<double>(m_window.rows()));
    const int colLevel = levelForScale(dots * plot.width / static_cast<double>(m_window.cols()));
    const std::int64_t row0 = m_window.firstRow >> rowLevel, col0 = m_window.firstCol >> colLevel;
    PixelImage image;
    image.width = static_cast<int>(((m_window.endCol - 1) >> colLevel) - col0 + 1);
    image.height = static_cast<int>(((m_window.endRow - 1) >> rowLevel) - row0 + 1);
    image.pixels.reserve(static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height));
    std::vector<HeatMapCell> cells(static_cast<std::size_t>(image.width));
    for (int row = 0; row < image.height; ++row) {
        m_data.cells(rowLevel, colLevel, row0 + row, col0, cells);
        for (const HeatMapCell &cell : cells) {
            const auto value = static_cast<double>(cell.shown(m_scene.join));
            image.pixels.push_back(cell.present ? m_scene.map->at(m_scene.scale.position(value))
                                                : theme.nothing);
        }
    }
    // Joined cells at the border may reach beyond it.
    const double left = x(plot, static_cast<double>(col0 << colLevel));
    const double top = y(plot, static_cast<double>(row0 << rowLevel));
    const double right = x(plot, static_cast<double>((col0 + image.width) << colLevel));
    const double bottom = y(plot, static_cast<double>((row0 + image.height) << rowLevel));
    drawing.clip(plot);
    drawing.image({left, top, right - left, bottom - top}, image);
    drawing.unclip();
}

void HeatMapFigure::drawRowTitles(Drawing &drawing, const Rect &plot, double width,
                                  const FigureTheme &theme) const {
    drawing.text({plot.left - width - kTick, plot.top - kGap}, m_scene.rowTitle.toStdString() + " ↓",
                 {kLabelSize, theme.faintText, false, Align::Start, Align::End});
    if (!m_names.empty())
        return drawRowLabels(drawing, plot, m_names, width, theme);
    const TextStyle style{kLabelSize, theme.text, false, Align::End, Align::Middle};
    const auto most = static_cast<int>(plot.height / (2.5 * kLabelSize));
    for (const std::int64_t row : indexTicks(static_cast<double>(m_window.firstRow),
                                             static_cast<double>(m_window.endRow), std::max(2, most))) {
        const double middle = y(plot, static_cast<double>(row) + 0.5);
        drawing.line({plot.left - kTick, middle}, {plot.left, middle}, {theme.axis, 0.8});
        drawing.text({plot.left - kTick - 3, middle}, std::to_string(row), style);
    }
}

void HeatMapFigure::drawColumnTitles(Drawing &drawing, const Rect &plot, const FigureTheme &theme) const {
    const TextStyle style{kLabelSize, theme.text, false, Align::Middle, Align::Start};
    const double widest = drawing.textWidth(std::to_string(m_window.endCol), style) + 3 * kGap;
    const auto most = static_cast<int>(plot.width / widest);
    for (const std::int64_t col : indexTicks(static_cast<double>(m_window.firstCol),
                                             static_cast<double>(m_window.endCol), std::max(2, most))) {
        const double middle = x(plot, static_cast<double>(col) + 0.5);
        drawing.line({middle, plot.bottom()}, {middle, plot.bottom() + kTick}, {theme.axis, 0.8});
        drawing.text({middle, plot.bottom() + kTick + 3}, std::to_string(col), style);
    }
    drawing.text({plot.centerX(), plot.bottom() + kTick + kLabelSize + kGap},
                 m_scene.columnTitle.toStdString() + " →",
                 {kLabelSize, theme.faintText, false, Align::Middle, Align::Start});
}

void HeatMapFigure::drawOutliers(Drawing &drawing, const Rect &plot, const FigureTheme &theme) const {
    const HeatMapOutliers &outliers = m_scene.outliers;
    const Stroke stroke{theme.text, 0.8};
    for (const std::int64_t col : outliers.columns) {
        const double middle = x(plot, static_cast<double>(col) + 0.5);
        if (col >= m_window.firstCol && col < m_window.endCol)
            drawing.line({middle, plot.top - 2 - kMarkLength}, {middle, plot.top - 2}, stroke);
    }
    for (const std::int64_t row : outliers.rows) {
        const double middle = y(plot, static_cast<double>(row) + 0.5);
        if (row >= m_window.firstRow && row < m_window.endRow)
            drawing.line({plot.right() + 2, middle}, {plot.right() + 2 + kMarkLength, middle}, stroke);
    }
    if (outliers.limits.empty() || plot.width < kSmallestFrame * static_cast<double>(m_window.cols()) ||
        plot.height < kSmallestFrame * static_cast<double>(m_window.rows()))
        return;
    for (std::int64_t row = m_window.firstRow; row < m_window.endRow; ++row)
        for (std::int64_t col = m_window.firstCol; col < std::min(m_window.endCol, m_data.rowLength(row));
             ++col)
            if (std::abs(static_cast<double>(m_data.value(row, col))) >= outliers.limit(row)) {
                const double left = x(plot, static_cast<double>(col)),
                             top = y(plot, static_cast<double>(row));
                drawing.frame({left + 1, top + 1, x(plot, static_cast<double>(col + 1)) - left - 2,
                               y(plot, static_cast<double>(row + 1)) - top - 2},
                              stroke);
            }
}

void HeatMapFigure::drawScale(Drawing &drawing, const Rect &bar, const FigureTheme &theme) const {
    std::vector<Tick> places = m_scene.scale.ticks(colorBarTicks(bar.height));
    for (Tick &tick : places)
        tick.value = m_scene.scale.position(tick.value);
    const std::string value = m_scene.valueTitle.toStdString(), unit = m_scene.valueUnit.toStdString();
    const std::string both = unit.empty() || unit == value ? value : value + ", " + unit;
    const bool fits = drawing.textWidth(both, {kLabelSize, {}}) < bar.height;
    drawColorBar(drawing, bar, *m_scene.map, places, fits ? both : value, theme);
}

Result<std::string> HeatMapFigure::csv(const RunContext &ctx) const {
    if (m_window.rows() > kMostTableCells / m_window.cols())
        return fail(
            ErrorCode::InvalidArgument,
            fmt::format("{} × {} cells are too many for a table (at most {}): zoom in and export what "
                        "is seen",
                        withThousands(m_window.rows()), withThousands(m_window.cols()),
                        withThousands(kMostTableCells)));
    std::string text =
        fmt::format("{},{},{}\n", csvField(m_scene.rowTitle.toStdString()),
                    csvField(m_scene.columnTitle.toStdString()), csvField(m_scene.valueTitle.toStdString()));
    for (std::int64_t row = m_window.firstRow; row < m_window.endRow; ++row) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        const std::string name = m_names.empty()
                                     ? std::to_string(row)
                                     : csvField(m_names[static_cast<std::size_t>(row - m_window.firstRow)]);
        for (std::int64_t col = m_window.firstCol; col < std::min(m_window.endCol, m_data.rowLength(row));
             ++col)
            text += fmt::format("{},{},{}\n", name, col, m_data.value(row, col));
    }
    return text;
}

} // namespace

std::unique_ptr<Figure> makeHeatMapFigure(HeatMapScene scene, HeatMapWindow window) {
    return std::make_unique<HeatMapFigure>(std::move(scene), window);
}

} // namespace qs::views
