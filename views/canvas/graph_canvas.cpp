#include "views/canvas/graph_canvas.h"

#include "core/figure/graph_figure.h"
#include "views/shared/color_maps.h"

#include <QContextMenuEvent>
#include <QKeyEvent>
#include <imgui.h>

namespace qs::views {

namespace {

constexpr double kZoomPerNotch = 1.2;
constexpr double kReadableScale = 0.5; ///< texts of boxes fit from here on

QPointF centerOf(const MapItem &item) {
    return {item.center.x, item.center.y};
}

QRectF rectOf(const MapItem &item) {
    return {item.left(), item.top(), item.width, item.height};
}

bool isFrame(const MapItem &item) {
    return item.kind == MapItem::Kind::Frame;
}

} // namespace

GraphCanvas::GraphCanvas(QWidget *parent) : ImGuiCanvas(parent) {
    setAccessibleName(tr("Graph map"));
    setFigureName(QStringLiteral("graph"));
}

void GraphCanvas::setScene(std::shared_ptr<const GraphScene> scene, BlockId anchor) {
    const bool sameModel = m_scene && scene && m_scene->source == scene->source;
    const bool sameDirection = sameModel && m_scene->map->direction == scene->map->direction;
    const bool sameMap = sameModel && m_scene->map == scene->map;
    const auto anchorTop = [&](const GraphScene &shown) -> std::optional<QPointF> {
        const int item = shown.map->itemOfBlock[static_cast<std::size_t>(anchor)];
        if (item < 0)
            return std::nullopt;
        return QPointF(shown.item(item).center.x, shown.item(item).top());
    };
    std::optional<QPointF> pixel;
    if (sameDirection && !sameMap)
        if (const auto unit = anchorTop(*m_scene))
            pixel = m_camera.toPixel(*unit);
    m_scene = std::move(scene);
    m_paint = m_scene ? std::make_unique<GraphPaintData>(m_scene, isDarkTheme()) : nullptr;
    m_probed = -1;
    if (!sameMap)
        m_marks = {};
    if (m_scene)
        m_camera.setContent({m_scene->map->width, m_scene->map->height});
    m_startPending |= m_scene && !sameDirection;
    if (sameDirection && m_camera.isFitted())
        m_camera.fit();
    else if (pixel)
        if (const auto unit = anchorTop(*m_scene))
            m_camera.place(*unit, *pixel);
    requestFrames();
}

void GraphCanvas::setCurrent(int item) {
    m_marks.current = item;
    setAccessibleDescription(item >= 0 && m_probe ? m_probe(item) : QString());
    requestFrames();
}

void GraphCanvas::reveal(int item) {
    if (item >= 0 && !m_camera.isFitted())
        m_camera.reveal(rectOf(m_scene->item(item)));
    requestFrames();
}

void GraphCanvas::centerOn(int item) {
    if (item >= 0 && !m_camera.isFitted())
        m_camera.centerOn(centerOf(m_scene->item(item)));
    requestFrames();
}

void GraphCanvas::setSelected(std::vector<int> items) {
    m_marks.selected = std::move(items);
    requestFrames();
}

void GraphCanvas::setMatches(std::vector<int> items) {
    m_marks.matches = std::move(items);
    requestFrames();
}

void GraphCanvas::setFlagged(int item) {
    m_marks.flagged = item;
    requestFrames();
}

void GraphCanvas::fit() {
    m_camera.fit();
    requestFrames();
}

void GraphCanvas::zoomBy(double factor) {
    m_camera.zoomAt({width() / 2.0, height() / 2.0}, factor);
    requestFrames();
}

int GraphCanvas::itemAt(QPointF pixel) const {
    int found = -1;
    if (!m_scene)
        return found;
    const QPointF unit = m_camera.toUnit(pixel);
    for (std::size_t i = 0; i < m_scene->map->items.size(); ++i) {
        const MapItem &item = m_scene->map->items[i];
        if (unit.x() < item.left() || unit.x() > item.right() || unit.y() < item.top() ||
            unit.y() > item.bottom())
            continue;
        found = static_cast<int>(i); // inner ones come later
    }
    return found;
}

std::shared_ptr<const Figure> GraphCanvas::figure() const {
    return m_scene && !m_scene->map->items.empty() ? makeGraphFigure(m_scene) : nullptr;
}

QSize GraphCanvas::figureSize() const {
    const auto drawn = figure();
    return drawn ? QSize(drawn->preferredSize().width, drawn->preferredSize().height) : size();
}

void GraphCanvas::drawUi() {
    if (!m_scene || m_scene->map->items.empty())
        return;
    m_camera.setViewport(size(), GraphPainter::legendWidth(*m_scene, size()));
    if (std::exchange(m_startPending, false)) {
        m_camera.startView(kReadableScale);
        if (m_marks.current >= 0 && !m_camera.isFitted())
            m_camera.centerOn(centerOf(m_scene->item(m_marks.current)));
    }
    interact();
    GraphPainter painter(*m_paint, m_marks, m_camera, palette(), *ImGui::GetWindowDrawList());
    painter.drawGraph();
    painter.drawLegend(width(), height());
}

void GraphCanvas::interact() {
    ImGui::SetCursorScreenPos({0, 0});
    ImGui::InvisibleButton("graph", ImGui::GetIO().DisplaySize);
    const ImGuiIO &io = ImGui::GetIO();
    const QPointF pointer(static_cast<double>(io.MousePos.x), static_cast<double>(io.MousePos.y));
    const bool hovered = ImGui::IsItemHovered();
    if (hovered && io.MouseWheel != 0)
        m_camera.zoomAt(pointer, std::pow(kZoomPerNotch, static_cast<double>(io.MouseWheel)));
    if (ImGui::IsItemActivated())
        m_dragged = false;
    if (ImGui::IsItemActive() && ImGui::IsMouseDragging(ImGuiMouseButton_Left)) {
        m_dragged = true;
        m_camera.panBy({static_cast<double>(io.MouseDelta.x), static_cast<double>(io.MouseDelta.y)});
        ImGui::SetMouseCursor(ImGuiMouseCursor_ResizeAll);
    }
    const int item = hovered ? itemAt(pointer) : -1;
    // Queued: a slot may want to change this very canvas.
    const auto later = [this](auto call) { QMetaObject::invokeMethod(this, call, Qt::QueuedConnection); };
    if (hovered && item >= 0 && ImGui::IsMouseDoubleClicked(ImGuiMouseButton_Left))
        later([this, item] { emit toggleWanted(item); });
    else if (ImGui::IsItemDeactivated() && !m_dragged && item >= 0)
        later([this, item] { emit itemPicked(item); });
    if (item >= 0 && !m_dragged && !isFrame(m_scene->item(item)))
        showProbe(item);
    if (!ImGui::IsItemActive())
        m_dragged = false;
}

void GraphCanvas::showProbe(int item) {
    if (m_probed != item) {
        m_probed = item;
        m_probeText = m_probe ? m_probe(item).toStdString() : std::string();
    }
    if (m_probeText.empty())
        return;
    ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, {8, 6});
    ImGui::BeginTooltip();
    ImGui::TextUnformatted(m_probeText.c_str());
    ImGui::EndTooltip();
    ImGui::PopStyleVar();
}

bool GraphCanvas::event(QEvent *event) {
    // Shortcuts of the window must not take the keys that walk.
    if (event->type() == QEvent::ShortcutOverride &&
        static_cast<QKeyEvent *>(event)->modifiers() == Qt::NoModifier)
        switch (static_cast<QKeyEvent *>(event)->key()) {
        case Qt::Key_Up:
        case Qt::Key_Down:
        case Qt::Key_Left:
        case Qt::Key_Right:
        case Qt::Key_F:
            event->accept();
            return true;
        default:
            break;
        }
    return ImGuiCanvas::event(event);
}

void GraphCanvas::changeEvent(QEvent *event) {
    if (event->type() == QEvent::PaletteChange && m_scene)
        m_paint = std::make_unique<GraphPaintData>(m_scene, isDarkTheme());
    ImGuiCanvas::changeEvent(event);
}

bool GraphCanvas::leadsRight() const {
    return m_scene->map->direction == MapDirection::Right;
}

double GraphCanvas::along(const MapItem &item) const {
    return leadsRight() ? item.center.x : item.center.y;
}

double GraphCanvas::across(const MapItem &item) const {
    return leadsRight() ? item.center.y : item.center.x;
}

int GraphCanvas::firstOrLast(bool last) const {
    int found = -1;
    for (std::size_t i = 0; i < m_scene->map->items.size(); ++i) {
        const MapItem &item = m_scene->map->items[i];
        if (isFrame(item))
            continue;
        const double sign = last ? 1 : -1;
        if (found < 0 || sign * along(item) > sign * along(m_scene->item(found)))
            found = static_cast<int>(i);
    }
    return found;
}

int GraphCanvas::nextAlongEdges(bool forwards) const {
    const double place = across(m_scene->item(m_marks.current));
    const GraphMap &map = *m_scene->map;
    int nearest = -1;
    for (const int item : forwards ? map.edgesFrom(m_marks.current) : map.edgesInto(m_marks.current))
        if (nearest < 0 ||
            std::abs(across(m_scene->item(item)) - place) < std::abs(across(m_scene->item(nearest)) - place))
            nearest = item;
    return nearest;
}

int GraphCanvas::nextInRank(bool forwards) const {
    const MapItem &from = m_scene->item(m_marks.current);
    int nearest = -1;
    double distance = 0;
    for (std::size_t i = 0; i < m_scene->map->items.size(); ++i) {
        const MapItem &item = m_scene->map->items[i];
        const double step = (across(item) - across(from)) * (forwards ? 1 : -1);
        const double reach = leadsRight() ? (item.width + from.width) / 2 : (item.height + from.height) / 2;
        if (isFrame(item) || step <= 0 || std::abs(along(item) - along(from)) > reach)
            continue;
        if (nearest < 0 || step < distance) {
            nearest = static_cast<int>(i);
            distance = step;
        }
    }
    return nearest;
}

void GraphCanvas::walkTo(int item) {
    if (item < 0)
        return;
    setCurrent(item);
    reveal(item);
    emit itemPicked(item);
}

void GraphCanvas::keyPressEvent(QKeyEvent *event) {
    if (!m_scene || m_scene->map->items.empty())
        return ImGuiCanvas::keyPressEvent(event);
    const bool walks = event->key() == Qt::Key_Up || event->key() == Qt::Key_Down ||
                       event->key() == Qt::Key_Left || event->key() == Qt::Key_Right;
    if (walks && m_marks.current < 0)
        return walkTo(firstOrLast(false));
    switch (event->key()) {
    case Qt::Key_Up:
    case Qt::Key_Down:
        return walkTo(leadsRight() ? nextInRank(event->key() == Qt::Key_Down)
                                   : nextAlongEdges(event->key() == Qt::Key_Down));
    case Qt::Key_Left:
    case Qt::Key_Right:
        return walkTo(leadsRight() ? nextAlongEdges(event->key() == Qt::Key_Right)
                                   : nextInRank(event->key() == Qt::Key_Right));
    case Qt::Key_Home:
    case Qt::Key_End:
        return walkTo(firstOrLast(event->key() == Qt::Key_End));
    case Qt::Key_Plus:
    case Qt::Key_Equal:
        return zoomBy(kZoomPerNotch);
    case Qt::Key_Minus:
        return zoomBy(1 / kZoomPerNotch);
    case Qt::Key_F:
    case Qt::Key_0:
        return fit();
    case Qt::Key_Return:
    case Qt::Key_Enter:
        if (m_marks.current >= 0)
            emit toggleWanted(m_marks.current);
        return;
    default:
        ImGuiCanvas::keyPressEvent(event);
    }
}

void GraphCanvas::contextMenuEvent(QContextMenuEvent *event) {
    if (!m_scene)
        return;
    const int item = event->reason() == QContextMenuEvent::Mouse ? itemAt(event->pos()) : m_marks.current;
    emit menuWanted(item, event->globalPos());
}

} // namespace qs::views
