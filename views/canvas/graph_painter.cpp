#include "views/canvas/graph_painter.h"

#include "views/shared/color_maps.h"

#include <imgui.h>

namespace qs::views {

namespace {

constexpr double kDotHeight = 3;    ///< pixels below which boxes are dots
constexpr double kRoundHeight = 12; ///< from here on boxes have round corners
constexpr double kCorner = 6;
constexpr double kDot = 3; ///< pixels
constexpr double kCurveScale = 0.35;
constexpr double kShortestLine = 2; ///< pixels
constexpr double kTextGap = 6;

unsigned int packed(const QColor &color, int alpha = 255) {
    return IM_COL32(color.red(), color.green(), color.blue(), alpha);
}

QColor mixed(const QColor &a, const QColor &b, double share) {
    return QColor::fromRgbF(static_cast<float>(a.redF() + (b.redF() - a.redF()) * share),
                            static_cast<float>(a.greenF() + (b.greenF() - a.greenF()) * share),
                            static_cast<float>(a.blueF() + (b.blueF() - a.blueF()) * share));
}

ImVec2 point(QPointF pixel) {
    return {static_cast<float>(pixel.x()), static_cast<float>(pixel.y())};
}

QPointF toQt(LayoutPoint at) {
    return {at.x, at.y};
}

QRectF rectOfUnits(const MapItem &item) {
    return {item.left(), item.top(), item.width, item.height};
}

QRectF boundsOf(const MapLine &line) {
    double left = line.points.front().x, right = left, top = line.points.front().y, bottom = top;
    for (const LayoutPoint &at : line.points) {
        left = std::min(left, at.x);
        right = std::max(right, at.x);
        top = std::min(top, at.y);
        bottom = std::max(bottom, at.y);
    }
    // QRectF::intersects is false for rectangles without area.
    return {left - 0.5, top - 0.5, right - left + 1, bottom - top + 1};
}

constexpr double kBar = 14, kTick = 4, kPad = 8; ///< pixels of the legend
constexpr double kLowestBar = 40, kNarrowestCanvas = 220;

double legendBarHeight(double canvasHeight) {
    return std::min(180.0, canvasHeight - 5 * static_cast<double>(ImGui::GetTextLineHeight()));
}

} // namespace

GraphPaintData::GraphPaintData(std::shared_ptr<const GraphScene> shown, bool dark) : scene(std::move(shown)) {
    for (const MapLine &line : scene->map->lines)
        lineBounds.push_back(boundsOf(line));
    const NodeMetricInfo &info = nodeMetricInfo(scene->metric);
    const ColorMap colors = graphColors(info, dark);
    for (const GraphScene::Label &label : scene->labels) {
        const bool none = std::isnan(label.value);
        const double position = none ? 0 : graphColorPosition(*scene, label.value);
        fills.push_back(none ? 0 : packed(toQColor(colors.at(position))));
        severities.push_back(none ? -1 : info.higherIsBetter ? 1 - position : position);
    }
    for (const Rgb &color : colors.colors)
        legend.push_back(packed(toQColor(color)));
}

GraphPainter::GraphPainter(const GraphPaintData &data, const GraphMarks &marks, const GraphCamera &camera,
                           const QPalette &palette, ImDrawList &draw)
    : m_data(data), m_scene(*data.scene), m_marks(marks), m_camera(camera), m_draw(draw),
      m_visible(camera.visible()) {
    const QColor text = palette.color(QPalette::Text), base = palette.color(QPalette::Base);
    const bool dark = isDarkTheme();
    m_ink.text = packed(text);
    m_ink.weak = packed(mixed(base, text, 0.62));
    m_ink.faint = packed(mixed(base, text, 0.06));
    m_ink.line = packed(mixed(base, text, 0.42));
    m_ink.accent = packed(palette.color(QPalette::Highlight));
    m_ink.match = packed(dark ? QColor(245, 170, 60) : QColor(200, 100, 0));
    m_ink.flag = packed(dark ? QColor(250, 110, 110) : QColor(190, 20, 40));
    m_ink.base = packed(base);
    m_ink.block = packed(mixed(base, text, 0.1));
}

QRectF GraphPainter::rectOf(const MapItem &item) const {
    return {m_camera.toPixel({item.left(), item.top()}), m_camera.toPixel({item.right(), item.bottom()})};
}

void GraphPainter::drawGraph() {
    drawFrames();
    drawLines();
    drawBoxes();
    drawMarks();
}

void GraphPainter::drawFrames() {
    const double line = ImGui::GetTextLineHeight();
    std::size_t first = 0; // what the innermost frame around everything hides is not drawn
    for (std::size_t i = 0; i < m_scene.labels.size(); ++i)
        if (m_scene.map->items[i].kind == MapItem::Kind::Frame &&
            rectOfUnits(m_scene.map->items[i]).contains(m_visible))
            first = i;
    for (std::size_t i = first; i < m_scene.labels.size(); ++i) {
        const MapItem &item = m_scene.map->items[i];
        if (item.kind != MapItem::Kind::Frame || !isVisible(rectOfUnits(item)))
            continue;
        const QRectF rect = rectOf(item);
        const auto corner = static_cast<float>(std::min(kCorner, kCorner * m_camera.scale()));
        m_draw.AddRectFilled(point(rect.topLeft()), point(rect.bottomRight()), m_ink.faint, corner);
        m_draw.AddRect(point(rect.topLeft()), point(rect.bottomRight()), m_ink.line, corner);
        const double start = std::max(rect.left(), 0.0) + kTextGap;
        if (24 * m_camera.scale() >= line + 3)
            text(start, rect.top() + 3, "▾ " + m_scene.labels[i].title, m_ink.weak,
                 rect.right() - kTextGap - start, false);
    }
}

void GraphPainter::drawLines() {
    const bool curved = m_camera.scale() >= kCurveScale;
    const double thickness = std::clamp(m_camera.scale() * 1.3, 0.6, 1.5);
    for (std::size_t i = 0; i < m_scene.map->lines.size(); ++i) {
        const QRectF &bounds = m_data.lineBounds[i];
        if (!isVisible(bounds) ||
            std::max(bounds.width(), bounds.height()) * m_camera.scale() < kShortestLine)
            continue;
        drawLine(m_scene.map->lines[i], m_ink.line, thickness, curved);
        if (curved)
            drawArrow(m_scene.map->lines[i], m_ink.line);
    }
}

bool GraphPainter::leadsRight() const {
    return m_scene.map->direction == MapDirection::Right;
}

void GraphPainter::drawLine(const MapLine &line, unsigned int color, double thickness, bool curved) {
    const auto width = static_cast<float>(thickness);
    const double left = m_visible.left(), right = m_visible.right(), top = m_visible.top(),
                 bottom = m_visible.bottom();
    QPointF last = m_camera.toPixel(toQt(line.points.front()));
    for (std::size_t i = 1; i < line.points.size(); ++i) {
        const LayoutPoint &from = line.points[i - 1], &to = line.points[i];
        const QPointF pixel = m_camera.toPixel(toQt(to)), step = pixel - last;
        const bool end = i + 1 == line.points.size();
        if (!end && std::abs(step.x()) + std::abs(step.y()) < kShortestLine)
            continue;
        const bool seen = std::max(from.y, to.y) >= top && std::min(from.y, to.y) <= bottom &&
                          std::max(from.x, to.x) >= left && std::min(from.x, to.x) <= right;
        const bool slanted = std::abs(leadsRight() ? step.y() : step.x()) > 1;
        if (seen && curved && slanted && !line.straight) {
            const QPointF bend = leadsRight() ? QPointF(step.x() / 2, 0) : QPointF(0, step.y() / 2);
            m_draw.AddBezierCubic(point(last), point(last + bend), point(pixel - bend), point(pixel), color,
                                  width);
        } else if (seen) {
            m_draw.AddLine(point(last), point(pixel), color, width);
        }
        last = pixel;
    }
}

void GraphPainter::drawArrow(const MapLine &line, unsigned int color) {
    if (!line.entersBox)
        return;
    const QPointF tip = m_camera.toPixel(toQt(line.points.back()));
    const double size = 3.5 * std::min(m_camera.scale(), 1.3), back = line.upwards ? 2 * size : -2 * size;
    const QPointF one = leadsRight() ? QPointF(back, -size) : QPointF(-size, back);
    const QPointF other = leadsRight() ? QPointF(back, size) : QPointF(size, back);
    m_draw.AddTriangleFilled(point(tip), point(tip + one), point(tip + other), color);
}

void GraphPainter::drawBoxes() {
    if (42 * m_camera.scale() < kDotHeight) {
        drawDots();
        return;
    }
    for (std::size_t i = 0; i < m_scene.labels.size(); ++i) {
        const MapItem &item = m_scene.map->items[i];
        if (item.kind != MapItem::Kind::Frame && isVisible(rectOfUnits(item)))
            drawBox(static_cast<int>(i));
    }
}

void GraphPainter::drawDots() {
    const QPointF corner = m_camera.toPixel(m_visible.bottomRight());
    const auto columns = static_cast<std::size_t>(corner.x() / kDot) + 1,
               rows = static_cast<std::size_t>(corner.y() / kDot) + 1;
    std::vector<int> worst(columns * rows, -1);
    for (std::size_t i = 0; i < m_scene.labels.size(); ++i) {
        const MapItem &item = m_scene.map->items[i];
        const QPointF pixel = m_camera.toPixel({item.center.x, item.center.y});
        if (item.kind == MapItem::Kind::Frame || pixel.x() < 0 || pixel.y() < 0 || pixel.x() >= corner.x() ||
            pixel.y() >= corner.y())
            continue;
        int &shown = worst[static_cast<std::size_t>(pixel.y() / kDot) * columns +
                           static_cast<std::size_t>(pixel.x() / kDot)];
        if (shown < 0 || m_data.severities[i] > m_data.severities[static_cast<std::size_t>(shown)])
            shown = static_cast<int>(i);
    }
    for (std::size_t cell = 0; cell < worst.size(); ++cell) {
        if (worst[cell] < 0)
            continue;
        const MapItem &item = m_scene.item(worst[cell]);
        const double width = std::max(kDot, item.width * m_camera.scale());
        const double x = m_camera.toPixel({item.center.x, item.center.y}).x();
        const double y = static_cast<double>(cell / columns) * kDot;
        const unsigned int fill = m_data.fills[static_cast<std::size_t>(worst[cell])];
        m_draw.AddRectFilled(point({x - width / 2, y}), point({x + width / 2, y + kDot - 1}),
                             fill ? fill : m_ink.weak);
    }
}

void GraphPainter::drawBox(int index) {
    const MapItem &item = m_scene.item(index);
    const QRectF rect = rectOf(item);
    const unsigned int fill = m_data.fills[static_cast<std::size_t>(index)];
    const bool terminal = item.kind == MapItem::Kind::Input || item.kind == MapItem::Kind::Output;
    const bool round = rect.height() >= kRoundHeight;
    const auto corner = static_cast<float>(!round     ? 0
                                           : terminal ? rect.height() / 2
                                                      : std::min(kCorner, rect.height() / 4));
    const unsigned int blank = item.kind == MapItem::Kind::Block ? m_ink.block : m_ink.base;
    if (round && item.kind == MapItem::Kind::Block) { // a second sheet behind: there is more inside
        const QPointF behind(3, 3);
        m_draw.AddRectFilled(point(rect.topLeft() + behind), point(rect.bottomRight() + behind), m_ink.base,
                             corner);
        m_draw.AddRect(point(rect.topLeft() + behind), point(rect.bottomRight() + behind), m_ink.line,
                       corner);
    }
    m_draw.AddRectFilled(point(rect.topLeft()), point(rect.bottomRight()), fill ? fill : blank, corner);
    if (rect.height() >= 6)
        m_draw.AddRect(point(rect.topLeft()), point(rect.bottomRight()), m_ink.line, corner);
    if (rect.height() < ImGui::GetTextLineHeight())
        return;
    const QColor color(static_cast<int>(fill & 0xFF), static_cast<int>(fill >> 8 & 0xFF),
                       static_cast<int>(fill >> 16 & 0xFF));
    drawLabel(index, rect, fill ? packed(readableTextOn(color)) : m_ink.text);
}

void GraphPainter::drawLabel(int index, QRectF rect, unsigned int ink) {
    const GraphScene::Label &label = m_scene.label(index);
    const double line = ImGui::GetTextLineHeight(), room = rect.width() - 2 * kTextGap;
    const bool block = m_scene.item(index).kind == MapItem::Kind::Block;
    const std::string title = block ? "▸ " + label.title : label.title;
    std::string below = label.valueText.empty() ? label.subtitle : label.valueText;
    if (!label.badge.empty())
        below += (below.empty() ? "[" : "  [") + label.badge + "]";
    const bool twoLines = !below.empty() && rect.height() >= 2 * line + 2 &&
                          m_scene.item(index).kind != MapItem::Kind::Input &&
                          m_scene.item(index).kind != MapItem::Kind::Output;
    const double top = rect.center().y() - (twoLines ? line : line / 2);
    text(rect.center().x(), top, title, ink, room, true);
    if (twoLines)
        text(rect.center().x(), top + line, below, ink, room, true);
}

void GraphPainter::text(double x, double y, const std::string &string, unsigned int color, double room,
                        bool centered) {
    const char *begin = string.c_str(), *end = begin + string.size(), *cut = end;
    ImFont *font = ImGui::GetFont();
    const float size = ImGui::GetFontSize();
    auto width =
        static_cast<double>(font->CalcTextSizeA(size, static_cast<float>(room), 0, begin, end, &cut).x);
    if (cut == end) {
        m_draw.AddText(point({std::round(centered ? x - width / 2 : x), std::round(y)}), color, begin, end);
        return;
    }
    const auto dots = static_cast<double>(ImGui::CalcTextSize("…").x);
    width = static_cast<double>(
        font->CalcTextSizeA(size, static_cast<float>(std::max(0.0, room - dots)), 0, begin, end, &cut).x);
    if (cut == begin)
        return;
    const std::string fitted = std::string(begin, cut) + "…";
    m_draw.AddText(point({std::round(centered ? x - (width + dots) / 2 : x), std::round(y)}), color,
                   fitted.c_str());
}

void GraphPainter::drawOutline(int index, unsigned int color, float thickness, float distance) {
    const MapItem &item = m_scene.item(index);
    if (!isVisible(rectOfUnits(item)))
        return;
    QRectF rect = rectOf(item);
    if (rect.height() < 5) // a mark on a dot must be seen
        rect = QRectF(rect.center() - QPointF(std::max(rect.width() / 2, 4.0), 4),
                      rect.center() + QPointF(std::max(rect.width() / 2, 4.0), 4));
    const QPointF out(static_cast<double>(distance), static_cast<double>(distance));
    m_draw.AddRect(point(rect.topLeft() - out), point(rect.bottomRight() + out), color,
                   static_cast<float>(std::min(kCorner, rect.height() / 4)) + distance, 0, thickness);
}

void GraphPainter::drawMarks() {
    for (const int index : m_marks.matches)
        drawOutline(index, m_ink.match, 2, 2);
    for (const int index : m_marks.selected)
        drawOutline(index, m_ink.accent, 1.5f, 1);
    if (m_marks.current >= 0) {
        // Lines of inner frames are pieces: mark those of the values that the item reads and makes.
        for (const MapEdge &edge : m_scene.map->edges) {
            if (edge.from != m_marks.current && edge.to != m_marks.current)
                continue;
            drawOutline(edge.from == m_marks.current ? edge.to : edge.from, m_ink.accent, 1, 1);
        }
        drawOutline(m_marks.current, m_ink.accent, 3, 2);
    }
    if (m_marks.flagged >= 0)
        drawFlag();
}

void GraphPainter::drawFlag() {
    const MapItem &item = m_scene.item(m_marks.flagged);
    drawOutline(m_marks.flagged, m_ink.flag, 2, 5);
    const QRectF rect = rectOf(item);
    const char *title = "◆ first divergence";
    const ImVec2 size = ImGui::CalcTextSize(title);
    // Beside the box where no edge leads.
    const QPointF place =
        leadsRight() ? QPointF(rect.left(), rect.top() - static_cast<double>(size.y) - 8)
                     : QPointF(rect.right() + 12, rect.center().y() - static_cast<double>(size.y) / 2);
    const ImVec2 at = point({std::round(place.x()), std::round(place.y())});
    m_draw.AddRectFilled({at.x - 3, at.y - 1}, {at.x + size.x + 3, at.y + size.y + 1}, m_ink.base, 3);
    m_draw.AddText(at, m_ink.flag, title);
}

double GraphPainter::legendWidth(const GraphScene &scene, QSizeF canvas) {
    if (!scene.hasValues || legendBarHeight(canvas.height()) < kLowestBar ||
        canvas.width() < kNarrowestCanvas)
        return 0;
    const auto title = static_cast<double>(ImGui::CalcTextSize(scene.legendTitle.c_str()).x);
    const double none = static_cast<double>(ImGui::CalcTextSize("no value").x) + kBar + kTick;
    return std::max(title, none) + 2 * kPad + 6;
}

void GraphPainter::drawLegend(double width, double height) {
    const double legend = legendWidth(m_scene, {width, height});
    if (legend == 0)
        return;
    const double line = ImGui::GetTextLineHeight();
    const double barHeight = legendBarHeight(height);
    const std::vector<Tick> ticks = niceTicks(m_scene.scale, 5);
    const double left = width - legend, top = 6;
    m_draw.AddRectFilled(point({left, top}), point({width - 6, top + barHeight + 3.6 * line + 2 * kPad}),
                         m_ink.base, 4);
    m_draw.AddRect(point({left, top}), point({width - 6, top + barHeight + 3.6 * line + 2 * kPad}),
                   m_ink.line, 4);
    const double x = left + kPad, y = top + kPad + 1.3 * line;
    m_draw.AddText(point({x, top + kPad}), m_ink.text, m_scene.legendTitle.c_str());
    const auto steps = static_cast<int>(m_data.legend.size() / 4);
    for (int i = 0; i < steps; ++i)
        m_draw.AddRectFilled(point({x, y + barHeight - (i + 1) * barHeight / steps}),
                             point({x + kBar, y + barHeight - i * barHeight / steps}),
                             m_data.legend[static_cast<std::size_t>(4 * i)]);
    for (const Tick &tick : ticks) {
        const double tickY = y + barHeight * (1 - m_scene.scale.position(tick.value));
        m_draw.AddLine(point({x + kBar, tickY}), point({x + kBar + kTick, tickY}), m_ink.weak);
        if (!tick.label.empty())
            m_draw.AddText(point({x + kBar + kTick + 4, std::round(tickY - line / 2)}), m_ink.text,
                           tick.label.c_str());
    }
    const double below = y + barHeight + 0.8 * line;
    m_draw.AddRect(point({x, below}), point({x + kBar, below + line - 4}), m_ink.line, 2);
    m_draw.AddText(point({x + kBar + kTick + 4, below - 2}), m_ink.text, "no value");
}

} // namespace qs::views
