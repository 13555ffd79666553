#include "views/canvas/surface_figure.h"

#include "core/base/number_text.h"
#include "core/figure/figure_parts.h"
#include "views/canvas/surface_bars.h"
#include "views/shared/color_maps.h"

#include <cmath>
#include <fmt/format.h>

namespace qs::views {
namespace {

constexpr double kLabelSize = 11.5, kGap = 8, kTick = 5;
constexpr double kSideRoom = 34, kBottomRoom = 40; ///< around the bars, for tick labels and titles
constexpr double kSideShade = 0.80, kOtherShade = 0.62;
constexpr int kHeightTicks = 4;
/// Faces overlap by this many pixels, or the ground shines through between them.
constexpr double kOverlap = 0.2;

Rgb shaded(Rgb color, double share) {
    const auto part = [&](std::uint8_t channel) { return static_cast<std::uint8_t>(channel * share); };
    return {part(color.red), part(color.green), part(color.blue)};
}

Point onPaper(const ScreenPoint &at) {
    return {at.x, at.y};
}

/// The camera brought so near that the bars fill the rectangle. On the canvas they keep away from its edges,
/// as they must fit while they turn; one who zoomed in gets what they saw.
SurfaceCamera filling(SurfaceCamera camera, const Rect &rect) {
    camera.setViewport(rect.left, rect.top, rect.width, rect.height);
    if (camera.zoom() != 1)
        return camera;
    double left = rect.right(), right = rect.left, top = rect.top + rect.height, bottom = rect.top;
    for (const double x : {0.0, 1.0})
        for (const double y : {0.0, 1.0})
            for (const double z : {0.0, 1.0}) {
                const ScreenPoint at = camera.project({x, y, z});
                left = std::min(left, at.x);
                right = std::max(right, at.x);
                top = std::min(top, at.y);
                bottom = std::max(bottom, at.y);
            }
    const double factor = std::min(rect.width / (right - left), rect.height / (bottom - top));
    if (!(factor > 1.01))
        return camera;
    // The point that stays where it is, so that the middle of the bars comes to the middle of the rectangle.
    const auto still = [&](double target, double from) { return (target - factor * from) / (1 - factor); };
    camera.zoomAt(still(rect.centerX(), (left + right) / 2), still(rect.centerY(), (top + bottom) / 2),
                  factor);
    return camera;
}

class SurfaceFigure final : public Figure {
public:
    SurfaceFigure(SurfaceScene scene, std::vector<float> heights, const SurfaceCamera &camera)
        : m_scene(std::move(scene)), m_points(*m_scene.points), m_heights(std::move(heights)),
          m_camera(camera) {}

    std::string title() const override {
        return fmt::format("{} over {} × {}", m_scene.valueTitle.toStdString(),
                           m_scene.rowTitle.toStdString(), m_scene.columnTitle.toStdString());
    }
    std::string subtitle() const override;
    void drawContent(Drawing &drawing, const Rect &area, const FigureTheme &theme) const override;
    Result<std::string> csv(const RunContext &ctx) const override;

private:
    void drawBox(Drawing &drawing, const SurfaceCamera &camera, const FigureTheme &theme) const;
    void drawBars(Drawing &drawing, const SurfaceCamera &camera) const;
    void drawBar(Drawing &drawing, const SurfaceCamera &camera, std::int64_t row, std::int64_t col) const;
    void drawIndexAxis(Drawing &drawing, const SurfaceCamera &camera, bool alongColumns,
                       const FigureTheme &theme) const;
    void drawHeightAxis(Drawing &drawing, const SurfaceCamera &camera, const FigureTheme &theme) const;

    SurfaceScene m_scene;
    const PooledMagnitudes &m_points;
    std::vector<float> m_heights;
    SurfaceCamera m_camera;
};

std::string SurfaceFigure::subtitle() const {
    std::string text =
        fmt::format("{} {}s × {} {}s", withThousands(m_points.srcRows), m_scene.rowTitle.toStdString(),
                    withThousands(m_points.srcCols), m_scene.columnTitle.toStdString());
    if (m_points.isReduced())
        text +=
            fmt::format(", each bar the largest of {} × {}", m_points.rowsPerPoint, m_points.colsPerPoint);
    if (m_points.notFinite > 0)
        text += fmt::format(". NaN or Inf: {} (magenta)", withThousands(m_points.notFinite));
    return text;
}

void SurfaceFigure::drawContent(Drawing &drawing, const Rect &area, const FigureTheme &theme) const {
    const Rect box{area.left + kSideRoom, area.top + 2 * kLabelSize,
                   area.width - kColorBarWidth - 2 * kSideRoom, area.height - 2 * kLabelSize - kBottomRoom};
    if (box.empty())
        return;
    const SurfaceCamera camera = filling(m_camera, box);
    drawing.clip({area.left, area.top, area.width - kColorBarWidth, area.height});
    drawBox(drawing, camera, theme);
    drawBars(drawing, camera);
    drawIndexAxis(drawing, camera, true, theme);
    drawIndexAxis(drawing, camera, false, theme);
    drawHeightAxis(drawing, camera, theme);
    drawing.unclip();

    const Rect bar{area.right() - kColorBarWidth + kGap, box.top, kColorBarWidth, box.height};
    std::vector<Tick> places = m_scene.scale.ticks(std::max(kHeightTicks, colorBarTicks(bar.height)));
    for (Tick &tick : places)
        tick.value = m_scene.scale.position(tick.value);
    const std::string value = m_scene.valueTitle.toStdString(), unit = m_scene.valueUnit.toStdString();
    const std::string both = unit.empty() ? value : value + ", " + unit;
    const bool fits = drawing.textWidth(both, {kLabelSize, {}}) < bar.height;
    drawColorBar(drawing, bar, *m_scene.map, places, fits ? both : value, theme);
}

void SurfaceFigure::drawBox(Drawing &drawing, const SurfaceCamera &camera, const FigureTheme &theme) const {
    const auto towards = camera.towardsViewer();
    const double farX = towards[0] > 0 ? 0 : 1, farY = towards[1] > 0 ? 0 : 1;
    const auto line = [&](const BoxPoint &from, const BoxPoint &to, Rgb color) {
        drawing.line(onPaper(camera.project(from)), onPaper(camera.project(to)), {color, 0.8});
    };
    for (const double side : {0.0, 1.0}) {
        line({side, 0, 0}, {side, 1, 0}, theme.axis);
        line({0, side, 0}, {1, side, 0}, theme.axis);
    }
    for (const Tick &tick : m_scene.scale.ticks(kHeightTicks)) {
        const double z = m_scene.scale.position(tick.value);
        line({0, farY, z}, {1, farY, z}, theme.grid);
        line({farX, 0, z}, {farX, 1, z}, theme.grid);
    }
}

void SurfaceFigure::drawBars(Drawing &drawing, const SurfaceCamera &camera) const {
    const auto towards = camera.towardsViewer();
    const std::vector<std::int64_t> cols = backToFront(m_points.cols, towards[0]);
    for (const std::int64_t row : backToFront(m_points.rows, towards[1]))
        for (const std::int64_t col : cols)
            drawBar(drawing, camera, row, col);
}

void SurfaceFigure::drawBar(Drawing &drawing, const SurfaceCamera &camera, std::int64_t row,
                            std::int64_t col) const {
    const auto rows = static_cast<double>(m_points.rows), cols = static_cast<double>(m_points.cols);
    const double x0 = static_cast<double>(col) / cols, x1 = static_cast<double>(col + 1) / cols;
    const double y0 = static_cast<double>(row) / rows, y1 = static_cast<double>(row + 1) / rows;
    const auto towards = camera.towardsViewer();
    const double x = towards[0] > 0 ? x1 : x0, y = towards[1] > 0 ? y1 : y0;
    const auto height = static_cast<double>(m_heights[m_points.index(row, col)]);
    const auto value = static_cast<double>(m_points.values[m_points.index(row, col)]);
    const Rgb color = m_scene.map->at(m_scene.scale.position(value));
    const auto face = [&](const std::array<BoxPoint, 4> &corners, double shade) {
        std::array<Point, 4> quad;
        Point middle;
        for (std::size_t i = 0; i < 4; ++i) {
            quad[i] = onPaper(camera.project(corners[i]));
            middle = {middle.x + quad[i].x / 4, middle.y + quad[i].y / 4};
        }
        for (Point &corner : quad) {
            const double dx = corner.x - middle.x, dy = corner.y - middle.y;
            const double grown = 1 + kOverlap / std::max(kOverlap, std::hypot(dx, dy));
            corner = {middle.x + dx * grown, middle.y + dy * grown};
        }
        drawing.fill(quad, shaded(color, shade));
    };
    if (height > 0) {
        face({{{x, y0, 0}, {x, y1, 0}, {x, y1, height}, {x, y0, height}}}, kSideShade);
        face({{{x0, y, 0}, {x1, y, 0}, {x1, y, height}, {x0, y, height}}}, kOtherShade);
    }
    face({{{x0, y0, height}, {x1, y0, height}, {x1, y1, height}, {x0, y1, height}}}, 1);
}

void SurfaceFigure::drawIndexAxis(Drawing &drawing, const SurfaceCamera &camera, bool alongColumns,
                                  const FigureTheme &theme) const {
    const auto towards = camera.towardsViewer();
    const double nearX = towards[0] > 0 ? 1 : 0, nearY = towards[1] > 0 ? 1 : 0;
    const auto place = [&](double along) {
        return camera.project(alongColumns ? BoxPoint{along, nearY, 0} : BoxPoint{nearX, along, 0});
    };
    const std::int64_t count = alongColumns ? m_points.srcCols : m_points.srcRows;
    // The last bar may stand for fewer cells than the others.
    const auto cells = static_cast<double>(alongColumns ? m_points.cols * m_points.colsPerPoint
                                                        : m_points.rows * m_points.rowsPerPoint);
    const ScreenPoint from = place(0), to = place(1), middle = place(0.5);
    const ScreenPoint center = camera.project({0.5, 0.5, 0});
    const double length = std::max(1.0, std::hypot(middle.x - center.x, middle.y - center.y));
    const double dx = (middle.x - center.x) / length, dy = (middle.y - center.y) / length;
    const TextStyle style{kLabelSize, theme.text, false, Align::Middle, Align::Middle};
    const double widest = drawing.textWidth(std::to_string(count), style);
    const auto label = [&](const ScreenPoint &at, double distance, const std::string &text, Rgb color) {
        TextStyle own = style;
        own.color = color;
        const double reach = distance + std::abs(dx) * drawing.textWidth(text, own) / 2;
        drawing.text({at.x + dx * reach, at.y + dy * (distance + kLabelSize / 2)}, text, own);
    };
    const double extent = std::hypot(to.x - from.x, to.y - from.y);
    const int most = std::max(2, static_cast<int>(extent / (widest + kGap)));
    for (const std::int64_t tick : indexTicks(0, static_cast<double>(count), most)) {
        const ScreenPoint at = place((static_cast<double>(tick) + 0.5) / cells);
        drawing.line(onPaper(at), {at.x + dx * kTick, at.y + dy * kTick}, {theme.axis, 0.8});
        label(at, kTick + 3, std::to_string(tick), theme.text);
    }
    label(middle, kTick + kGap + std::abs(dy) * kLabelSize + std::abs(dx) * widest,
          (alongColumns ? m_scene.columnTitle : m_scene.rowTitle).toStdString(), theme.faintText);
}

void SurfaceFigure::drawHeightAxis(Drawing &drawing, const SurfaceCamera &camera,
                                   const FigureTheme &theme) const {
    const auto towards = camera.towardsViewer();
    const double nearX = towards[0] > 0 ? 1 : 0, nearY = towards[1] > 0 ? 1 : 0;
    const ScreenPoint a = camera.project({nearX, 1 - nearY, 0}), b = camera.project({1 - nearX, nearY, 0});
    const BoxPoint foot = a.x < b.x ? BoxPoint{nearX, 1 - nearY, 0} : BoxPoint{1 - nearX, nearY, 0};
    const ScreenPoint bottom = camera.project(foot), top = camera.project({foot.x, foot.y, 1});
    if (bottom.y - top.y < 3 * kLabelSize) // seen from above there is no height to read
        return;
    drawing.line(onPaper(bottom), onPaper(top), {theme.axis, 0.8});
    for (const Tick &tick : m_scene.scale.ticks(kHeightTicks)) {
        const ScreenPoint at = camera.project({foot.x, foot.y, m_scene.scale.position(tick.value)});
        drawing.line({at.x - kTick, at.y}, onPaper(at), {theme.axis, 0.8});
        drawing.text({at.x - kTick - 3, at.y}, tick.label,
                     {kLabelSize, theme.text, false, Align::End, Align::Middle});
    }
    drawing.text({top.x, top.y - kGap}, m_scene.valueTitle.toStdString(),
                 {kLabelSize, theme.faintText, false, Align::End, Align::End});
}

Result<std::string> SurfaceFigure::csv(const RunContext &ctx) const {
    std::string text =
        fmt::format("{},{},{}\n", csvField(m_scene.rowTitle.toStdString()),
                    csvField(m_scene.columnTitle.toStdString()), csvField(m_scene.valueTitle.toStdString()));
    for (std::size_t bar = 0; bar < m_points.values.size(); ++bar) {
        if (bar % 4096 == 0 && ctx.cancelled())
            return RunContext::cancelledError();
        text += fmt::format("{},{},{}\n", m_points.positions[bar] / m_points.srcCols,
                            m_points.positions[bar] % m_points.srcCols, m_points.values[bar]);
    }
    return text;
}

} // namespace

std::unique_ptr<Figure> makeSurfaceFigure(SurfaceScene scene, std::vector<float> heights,
                                          const SurfaceCamera &camera) {
    return std::make_unique<SurfaceFigure>(std::move(scene), std::move(heights), camera);
}

} // namespace qs::views
