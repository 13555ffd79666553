#include "views/canvas/surface_painter.h"

#include "views/canvas/color_bar.h"
#include "views/shared/color_maps.h"
#include "views/shared/format_text.h"

#include <imgui.h>

namespace qs::views {

namespace {

constexpr double kGap = 8, kColorBarWidth = 14, kTickLength = 6;
constexpr double kAxisRoom = 56; ///< around the box, for tick labels and titles
constexpr double kSideShade = 0.80, kOtherShade = 0.62;

unsigned int packed(const QColor &color, int alpha = 255) {
    return IM_COL32(color.red(), color.green(), color.blue(), alpha);
}

ImVec2 point(const ScreenPoint &at) {
    return {static_cast<float>(at.x), static_cast<float>(at.y)};
}

double textWidth(const QString &text) {
    return static_cast<double>(ImGui::CalcTextSize(text.toUtf8().constData()).x);
}

unsigned int shaded(Rgb color, double share) {
    const auto part = [&](std::uint8_t channel) { return static_cast<int>(channel * share); };
    return IM_COL32(part(color.red), part(color.green), part(color.blue), 255);
}

void quad(ImDrawList &draw, const ImVec2 &a, const ImVec2 &b, const ImVec2 &c, const ImVec2 &d,
          unsigned int color) {
    // Without the soft edges of AddQuadFilled(), which would show the ground between neighbours.
    const ImVec2 uv = ImGui::GetFontTexUvWhitePixel();
    draw.PrimReserve(6, 4);
    draw.PrimQuadUV(a, b, c, d, uv, uv, uv, uv, color);
}

} // namespace

SurfaceLayout SurfaceLayout::make(const SurfaceScene &scene, double width, double height) {
    const double line = static_cast<double>(ImGui::GetTextLineHeight());
    double labels = std::max(textWidth(scene.valueTitle), textWidth(scene.valueUnit)) - kColorBarWidth - kGap;
    for (const Tick &tick : scene.scale.ticks(kColorBarTicks))
        labels = std::max(labels, textWidth(QString::fromStdString(tick.label)));
    const double right = kColorBarWidth + labels + 4 * kGap;
    SurfaceLayout layout;
    layout.width = width;
    layout.plot = QRectF(kAxisRoom, line + 2 * kGap, std::max(8.0, width - right - 2 * kAxisRoom),
                         std::max(8.0, height - line - 2 * kGap - kAxisRoom));
    layout.colorBar = QRectF(width - right + kGap, line + 2 * kGap, kColorBarWidth,
                             std::max(8.0, height - 3 * line - 4 * kGap));
    return layout;
}

SurfacePainter::SurfacePainter(const SurfaceScene &scene, const SurfaceBars &bars,
                               const SurfaceCamera &camera, const SurfaceLayout &layout,
                               const QPalette &palette, ImDrawList &draw)
    : m_scene(scene), m_bars(bars), m_camera(camera), m_layout(layout), m_draw(draw),
      m_textColor(packed(palette.color(QPalette::Text))),
      m_weakColor(packed(palette.color(QPalette::Text), 150)),
      m_gridColor(packed(palette.color(QPalette::Text), 50)),
      m_accentColor(packed(palette.color(QPalette::Highlight))) {
    const auto towards = camera.towardsViewer();
    m_nearX = towards[0] > 0 ? 1 : 0;
    m_nearY = towards[1] > 0 ? 1 : 0;
    m_base = camera.project({0, 0, 0});
    const auto vector = [&](const BoxPoint &to) {
        const ScreenPoint end = camera.project(to);
        return ScreenPoint{end.x - m_base.x, end.y - m_base.y};
    };
    m_perX = vector({1, 0, 0});
    m_perY = vector({0, 1, 0});
    m_perZ = vector({0, 0, 1});
}

void SurfacePainter::line(const BoxPoint &from, const BoxPoint &to, unsigned int color) {
    m_draw.AddLine(point(m_camera.project(from)), point(m_camera.project(to)), color);
}

void SurfacePainter::text(double x, double y, const QString &string, unsigned int color) {
    m_draw.AddText({static_cast<float>(std::round(x)), static_cast<float>(std::round(y))}, color,
                   string.toUtf8().constData());
}

void SurfacePainter::drawBox() {
    for (const double side : {0.0, 1.0}) {
        line({side, 0, 0}, {side, 1, 0}, m_weakColor);
        line({0, side, 0}, {1, side, 0}, m_weakColor);
    }
    const double farX = 1 - m_nearX, farY = 1 - m_nearY;
    line({farX, farY, 0}, {farX, farY, 1}, m_gridColor);
    line({m_nearX, farY, 0}, {m_nearX, farY, 1}, m_gridColor);
    line({farX, m_nearY, 0}, {farX, m_nearY, 1}, m_gridColor);
    for (const Tick &tick : m_scene.scale.ticks(kColorBarTicks)) {
        const double z = m_scene.scale.position(tick.value);
        if (tick.label.empty())
            continue;
        line({0, farY, z}, {1, farY, z}, m_gridColor);
        line({farX, 0, z}, {farX, 1, z}, m_gridColor);
    }
}

void SurfacePainter::drawBars(std::int64_t marked) {
    const auto towards = m_camera.towardsViewer();
    const std::vector<std::int64_t> cols = backToFront(m_bars.cols, towards[0]);
    for (const std::int64_t row : backToFront(m_bars.rows, towards[1]))
        for (const std::int64_t col : cols)
            drawBar(row, col, row * m_bars.cols + col == marked);
}

void SurfacePainter::drawBar(std::int64_t row, std::int64_t col, bool isMarked) {
    const auto rows = static_cast<double>(m_bars.rows), cols = static_cast<double>(m_bars.cols);
    const auto height = static_cast<double>(m_bars.height(row, col));
    const auto at = [&](double x, double y, double z) {
        return ImVec2(static_cast<float>(m_base.x + x * m_perX.x + y * m_perY.x + z * m_perZ.x),
                      static_cast<float>(m_base.y + x * m_perX.y + y * m_perY.y + z * m_perZ.y));
    };
    const double x0 = static_cast<double>(col) / cols, x1 = static_cast<double>(col + 1) / cols;
    const double y0 = static_cast<double>(row) / rows, y1 = static_cast<double>(row + 1) / rows;
    const float value = m_scene.points->values[m_scene.points->index(row, col)];
    const Rgb color = m_scene.map->at(m_scene.scale.position(static_cast<double>(value)));
    const auto face = [&](double shade) { return isMarked ? m_accentColor : shaded(color, shade); };
    if (height * std::abs(m_perZ.y) > 0.3) { // lower sides cannot be seen
        const double x = m_nearX > 0 ? x1 : x0, y = m_nearY > 0 ? y1 : y0;
        quad(m_draw, at(x, y0, 0), at(x, y1, 0), at(x, y1, height), at(x, y0, height), face(kSideShade));
        quad(m_draw, at(x0, y, 0), at(x1, y, 0), at(x1, y, height), at(x0, y, height), face(kOtherShade));
    }
    quad(m_draw, at(x0, y0, height), at(x1, y0, height), at(x1, y1, height), at(x0, y1, height), face(1));
}

double SurfacePainter::indexPlace(std::int64_t index, bool alongColumns) const {
    const PooledMagnitudes &points = *m_scene.points;
    // The last point may stand for fewer cells than the others.
    const std::int64_t cells =
        alongColumns ? points.cols * points.colsPerPoint : points.rows * points.rowsPerPoint;
    return (static_cast<double>(index) + 0.5) / static_cast<double>(cells);
}

void SurfacePainter::drawAxes() {
    drawIndexAxis(true);
    drawIndexAxis(false);
    drawHeightAxis();
}

void SurfacePainter::drawIndexAxis(bool alongColumns) {
    const auto place = [&](double along) {
        return alongColumns ? BoxPoint{along, m_nearY, 0} : BoxPoint{m_nearX, along, 0};
    };
    const std::int64_t count = alongColumns ? m_scene.points->srcCols : m_scene.points->srcRows;
    const ScreenPoint from = m_camera.project(place(0)), to = m_camera.project(place(1));
    const ScreenPoint middle = m_camera.project(place(0.5)), center = m_camera.project({0.5, 0.5, 0});
    // Labels stand outside of the floor.
    double dx = middle.x - center.x, dy = middle.y - center.y;
    const double length = std::max(1.0, std::hypot(dx, dy));
    dx /= length;
    dy /= length;
    const double extent = std::hypot(to.x - from.x, to.y - from.y);
    const double lineHeight = static_cast<double>(ImGui::GetTextLineHeight());
    const double widest = textWidth(QString::number(count));
    const int most = std::max(2, static_cast<int>(extent / (widest + 3 * kGap)));
    const auto label = [&](const ScreenPoint &at, double distance, const QString &string,
                           unsigned int color) {
        const double width = textWidth(string);
        text(at.x + dx * (distance + width / 2) - width / 2,
             at.y + dy * distance - lineHeight / 2 + dy * lineHeight / 2, string, color);
    };
    for (const std::int64_t tick : indexTicks(0, static_cast<double>(count), most)) {
        const ScreenPoint at = m_camera.project(place(indexPlace(tick, alongColumns)));
        m_draw.AddLine(point(at), point({at.x + dx * kTickLength, at.y + dy * kTickLength}), m_weakColor);
        label(at, kTickLength + 3, QString::number(tick), m_textColor);
    }
    label(middle, kTickLength + 8 + std::abs(dy) * lineHeight + std::abs(dx) * widest,
          alongColumns ? m_scene.columnTitle : m_scene.rowTitle, m_weakColor);
}

void SurfacePainter::drawHeightAxis() {
    const double farX = 1 - m_nearX, farY = 1 - m_nearY;
    const ScreenPoint a = m_camera.project({m_nearX, farY, 0}), b = m_camera.project({farX, m_nearY, 0});
    const BoxPoint foot = a.x < b.x ? BoxPoint{m_nearX, farY, 0} : BoxPoint{farX, m_nearY, 0};
    const double lineHeight = static_cast<double>(ImGui::GetTextLineHeight());
    line(foot, {foot.x, foot.y, 1}, m_weakColor);
    if (std::abs(m_perZ.y) < 3 * lineHeight) // seen from above there is no height to read
        return;
    for (const Tick &tick : m_scene.scale.ticks(kColorBarTicks)) {
        const ScreenPoint at = m_camera.project({foot.x, foot.y, m_scene.scale.position(tick.value)});
        const QString string = QString::fromStdString(tick.label);
        m_draw.AddLine(point(at), point({at.x - kTickLength, at.y}), m_weakColor);
        text(at.x - kTickLength - 3 - textWidth(string), at.y - lineHeight / 2, string, m_textColor);
    }
    const ScreenPoint top = m_camera.project({foot.x, foot.y, 1});
    text(top.x - textWidth(m_scene.valueTitle), top.y - 1.8 * lineHeight, m_scene.valueTitle, m_weakColor);
}

void SurfacePainter::drawColorBar() {
    const QRectF &bar = m_layout.colorBar;
    views::drawColorBar(m_draw, bar, *m_scene.map, m_scene.scale, {m_textColor, m_weakColor});
    text(bar.left(), kGap, m_scene.valueTitle, m_textColor);
    text(m_layout.width - kGap - textWidth(m_scene.valueUnit), bar.bottom() + kGap, m_scene.valueUnit,
         m_weakColor);
}

void SurfacePainter::drawNotes(const QString &reduction) {
    double y = kGap;
    const double lineHeight = static_cast<double>(ImGui::GetTextLineHeight());
    if (!reduction.isEmpty()) {
        text(kGap, y, reduction, m_textColor);
        y += lineHeight + 2;
    }
    if (m_scene.points->notFinite == 0)
        return;
    const ImVec2 from(static_cast<float>(kGap), static_cast<float>(y + 2));
    const auto side = static_cast<float>(lineHeight - 4);
    m_draw.AddRectFilled(from, {from.x + side, from.y + side}, packed(toQColor(kNotANumberColor)));
    text(kGap + lineHeight, y, QObject::tr("NaN or Inf: %1").arg(formatCount(m_scene.points->notFinite)),
         m_textColor);
}

} // namespace qs::views
