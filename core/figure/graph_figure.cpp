#include "core/figure/graph_figure.h"

#include "core/base/number_text.h"
#include "core/figure/figure_parts.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace qs {
namespace {

constexpr double kCorner = 6, kTitleSize = 12, kSubtitleSize = 10;
constexpr double kSmallestText = 3.5; ///< pixels on the sheet
constexpr double kLegendGap = 24;

std::vector<Point> roundedCorners(const Rect &rect, double radius) {
    constexpr int kSteps = 4;
    radius = std::min({radius, rect.width / 2, rect.height / 2});
    std::vector<Point> points;
    const Point corners[] = {{rect.right() - radius, rect.top + radius},
                             {rect.right() - radius, rect.bottom() - radius},
                             {rect.left + radius, rect.bottom() - radius},
                             {rect.left + radius, rect.top + radius}};
    const double quarter = std::acos(0.0);
    for (int corner = 0; corner < 4; ++corner)
        for (int step = 0; step <= kSteps; ++step) {
            const double angle = (corner - 1 + static_cast<double>(step) / kSteps) * quarter;
            points.push_back(
                {corners[corner].x + radius * std::cos(angle), corners[corner].y + radius * std::sin(angle)});
        }
    points.push_back(points.front());
    return points;
}

/// Draws one scene on one sheet.
class GraphPainter {
public:
    GraphPainter(const GraphScene &scene, Drawing &drawing, const Rect &area, const FigureTheme &theme)
        : m_scene(scene), m_drawing(drawing), m_theme(theme),
          m_colors(graphColors(nodeMetricInfo(scene.metric), toLab(theme.background).lightness < 50)) {
        m_zoom = std::min({1.0, area.width / std::max(scene.map->width, 1.0),
                           area.height / std::max(scene.map->height, 1.0)});
        m_left = area.left + (area.width - scene.map->width * m_zoom) / 2;
        m_top = area.top;
    }

    void draw() {
        for (std::size_t i = 0; i < m_scene.labels.size(); ++i)
            if (m_scene.map->items[i].kind == MapItem::Kind::Frame)
                drawFrame(static_cast<int>(i));
        for (const MapLine &line : m_scene.map->lines)
            drawLine(line);
        for (std::size_t i = 0; i < m_scene.labels.size(); ++i)
            if (m_scene.map->items[i].kind != MapItem::Kind::Frame)
                drawBox(static_cast<int>(i));
    }

private:
    Point at(LayoutPoint point) const { return {m_left + point.x * m_zoom, m_top + point.y * m_zoom}; }
    Rect rectOf(const MapItem &item) const {
        const Point corner = at({item.left(), item.top()});
        return {corner.x, corner.y, item.width * m_zoom, item.height * m_zoom};
    }

    void drawFrame(int index) {
        const MapItem &item = m_scene.item(index);
        const auto outline = roundedCorners(rectOf(item), kCorner * m_zoom);
        m_drawing.fill(outline, m_theme.grid, 0.35);
        m_drawing.line(outline, {m_theme.axis, 0.8});
        write({rectOf(item).left + 9 * m_zoom, rectOf(item).top + 13 * m_zoom}, m_scene.label(index).title,
              {kTitleSize * m_zoom, m_theme.faintText, true, Align::Start, Align::Middle}, item.width - 18);
    }

    void drawLine(const MapLine &line) {
        std::vector<Point> points;
        for (const LayoutPoint &point : line.points)
            points.push_back(at(point));
        m_drawing.line(points,
                       {m_theme.axis, std::clamp(1.2 * m_zoom, 0.3, 1.2), 1, line.upwards || line.straight});
        if (!line.entersBox || m_zoom < 0.3)
            return;
        const Point tip = points.back();
        const double size = 4 * m_zoom, back = line.upwards ? 2 * size : -2 * size;
        const bool right = m_scene.map->direction == MapDirection::Right;
        const Point head[] = {tip,
                              right ? Point{tip.x + back, tip.y - size} : Point{tip.x - size, tip.y + back},
                              right ? Point{tip.x + back, tip.y + size} : Point{tip.x + size, tip.y + back}};
        m_drawing.fill(head, m_theme.axis);
    }

    void drawBox(int index) {
        const MapItem &item = m_scene.item(index);
        const GraphScene::Label &label = m_scene.label(index);
        const Rect rect = rectOf(item);
        const bool hasValue = !std::isnan(label.value);
        const Rgb fill =
            hasValue ? m_colors.at(graphColorPosition(m_scene, label.value)) : m_theme.background;
        if (item.kind == MapItem::Kind::Block) // a second sheet behind: there is more inside
            m_drawing.line(
                roundedCorners({rect.left + 3 * m_zoom, rect.top + 3 * m_zoom, rect.width, rect.height},
                               kCorner * m_zoom),
                {m_theme.axis, 0.8});
        const bool terminal = item.kind == MapItem::Kind::Input || item.kind == MapItem::Kind::Output;
        const auto outline = roundedCorners(rect, (terminal ? item.height / 2 : kCorner) * m_zoom);
        m_drawing.fill(outline, terminal ? m_theme.nothing : fill);
        m_drawing.line(outline, {m_theme.axis, 0.8});
        const Rgb ink = !hasValue                    ? m_theme.text
                        : toLab(fill).lightness > 60 ? Rgb{20, 20, 24}
                                                     : Rgb{250, 250, 250};
        writeLabel(item, label, rect, ink, terminal);
    }

    void writeLabel(const MapItem &item, const GraphScene::Label &label, const Rect &rect, Rgb ink,
                    bool terminal) {
        const std::string below = label.valueText.empty() ? label.subtitle : label.valueText;
        const bool oneLine = terminal || (below.empty() && label.badge.empty());
        write({rect.centerX(), rect.top + (oneLine ? 0.5 : 0.34) * rect.height}, label.title,
              {kTitleSize * m_zoom, ink, item.kind == MapItem::Kind::Block, Align::Middle, Align::Middle},
              item.width - 12);
        if (oneLine)
            return;
        const std::string line = label.badge.empty() ? below
                                 : below.empty()     ? label.badge
                                                     : below + " · " + label.badge;
        write({rect.centerX(), rect.top + 0.74 * rect.height}, line,
              {kSubtitleSize * m_zoom, ink, false, Align::Middle, Align::Middle}, item.width - 10);
    }

    /// \param room  map units
    void write(Point place, const std::string &text, const TextStyle &style, double room) {
        if (style.size >= kSmallestText)
            m_drawing.text(place, m_drawing.fitText(text, room * m_zoom, style), style);
    }

    const GraphScene &m_scene;
    Drawing &m_drawing;
    const FigureTheme &m_theme;
    ColorMap m_colors;
    double m_zoom = 1, m_left = 0, m_top = 0;
};

class GraphFigure final : public Figure {
public:
    explicit GraphFigure(std::shared_ptr<const GraphScene> scene) : m_scene(std::move(scene)) {}

    std::string title() const override {
        return fmt::format("Graph of {}", m_scene->model->file.filename().string());
    }
    std::string subtitle() const override {
        const NodeMetricInfo &info = nodeMetricInfo(m_scene->metric);
        if (!m_scene->hasValues)
            return m_scene->summary();
        return fmt::format("{}\n{}\nBlocks show the {} of their nodes. Boxes without fill have no value.",
                           m_scene->summary(), info.meaning, ofBlockText(info.ofBlock));
    }
    FigureSize preferredSize() const override {
        const double legend = m_scene->hasValues ? kColorBarWidth + kLegendGap : 0;
        return {static_cast<int>(std::clamp(m_scene->map->width + legend + 48, 760.0, 8000.0)),
                static_cast<int>(std::clamp(m_scene->map->height + 140, 360.0, 12000.0))};
    }
    Result<std::string> csv(const RunContext &ctx) const override;
    void drawContent(Drawing &drawing, const Rect &area, const FigureTheme &theme) const override {
        if (m_scene->map->items.empty())
            return drawEmptyState(drawing, area, "The model has no nodes.", theme);
        const double legend = m_scene->hasValues ? kColorBarWidth + kLegendGap : 0;
        const Rect plot{area.left, area.top, area.width - legend, area.height};
        if (plot.empty())
            return;
        GraphPainter(*m_scene, drawing, plot, theme).draw();
        if (m_scene->hasValues)
            drawColorBar(drawing,
                         {plot.right() + kLegendGap, area.top, kColorBarWidth, std::min(area.height, 320.0)},
                         graphColors(nodeMetricInfo(m_scene->metric), toLab(theme.background).lightness < 50),
                         m_scene->scale, m_scene->legendTitle, theme);
    }

private:
    std::shared_ptr<const GraphScene> m_scene;
};

const char *kindName(MapItem::Kind kind) {
    switch (kind) {
    case MapItem::Kind::Node:
        return "node";
    case MapItem::Kind::Block:
        return "closed block";
    case MapItem::Kind::Frame:
        return "open block";
    case MapItem::Kind::Input:
        return "input";
    case MapItem::Kind::Output:
        return "output";
    }
    return "";
}

Result<std::string> GraphFigure::csv(const RunContext & /*ctx*/) const {
    const std::string metric = m_scene->hasValues ? m_scene->legendTitle : "value";
    std::string text = "kind,node,title,subtitle,quantization," + csvField(metric) + '\n';
    for (std::size_t i = 0; i < m_scene->labels.size(); ++i) {
        const MapItem &item = m_scene->map->items[i];
        const GraphScene::Label &label = m_scene->labels[i];
        const std::string node = item.node == kNoNode ? "" : m_scene->model->graph.node(item.node).name;
        text += fmt::format("{},{},{},{},{},{}\n", kindName(item.kind), csvField(node), csvField(label.title),
                            csvField(label.subtitle), csvField(label.badge),
                            std::isnan(label.value) ? "" : fmt::format("{}", label.value));
    }
    return text;
}

} // namespace

std::unique_ptr<Figure> makeGraphFigure(std::shared_ptr<const GraphScene> scene) {
    return std::make_unique<GraphFigure>(std::move(scene));
}

} // namespace qs
