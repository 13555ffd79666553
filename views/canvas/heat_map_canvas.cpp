#include "views/canvas/heat_map_canvas.h"

#include "views/canvas/heat_map_decor.h"
#include "views/canvas/heat_map_figure.h"
#include "views/shared/figure_export.h"

#include <QClipboard>
#include <QContextMenuEvent>
#include <QGuiApplication>
#include <QKeyEvent>
#include <QMenu>
#include <imgui.h>

namespace qs::views {

namespace {

constexpr std::size_t kTileCapacity = 192; ///< about 48 MiB of textures
constexpr qint64 kPaintBudgetNs = 7000000; ///< per frame; the rest comes with the next frame
constexpr double kZoomPerNotch = 1.25;

int deviceLevel(const AxisZoom &axis, double ratio) {
    return levelForScale(axis.scale() * ratio);
}

/// The finest levels at which the whole map is one tile.
TileKey overviewKey(const HeatMapData &data, std::uint64_t style) {
    TileKey key{data.id(), style, 0, 0, 0, 0};
    while (data.rowsAt(key.rowLevel) > kTileCells)
        ++key.rowLevel;
    while (data.colsAt(key.colLevel) > kTileCells)
        ++key.colLevel;
    return key;
}

} // namespace

HeatMapCanvas::HeatMapCanvas(QWidget *parent)
    : ImGuiCanvas(parent), m_tiles(kTileCapacity, [this](TextureId texture) { deleteTexture(texture); }) {
    setAccessibleName(tr("Heat map"));
    setFigureName(QStringLiteral("heat-map"));
}

void HeatMapCanvas::setScene(HeatMapScene scene) {
    const bool sameData = scene.data && m_scene.data && scene.data->id() == m_scene.data->id();
    const bool sameStyle =
        scene.map == m_scene.map && scene.scale == m_scene.scale && scene.join == m_scene.join;
    const bool sameSize = scene.data && m_scene.data && scene.data->rows() == m_scene.data->rows() &&
                          scene.data->cols() == m_scene.data->cols() && scene.rowTitle == m_scene.rowTitle;
    m_scene = std::move(scene);
    if (!sameData || !sameStyle)
        ++m_style;
    if (m_scene.data && !sameSize) {
        m_zoom.x.setContent(static_cast<double>(m_scene.data->cols()));
        m_zoom.y.setContent(static_cast<double>(m_scene.data->rows()));
    }
    m_probe = {};
    m_painter.reset();
    m_complete = false;
    requestFrames();
}

void HeatMapCanvas::setSelection(std::int64_t row, std::int64_t column) {
    if (m_scene.selectedRow == row && m_scene.selectedColumn == column)
        return;
    m_scene.selectedRow = row;
    m_scene.selectedColumn = column;
    if (row >= 0)
        m_zoom.y.reveal(static_cast<double>(row));
    if (column >= 0)
        m_zoom.x.reveal(static_cast<double>(column));
    requestFrames();
}

void HeatMapCanvas::fit() {
    m_zoom.fit();
    tellMoved();
    requestFrames();
}

QRectF HeatMapCanvas::shownCells() const {
    return {QPointF(m_zoom.x.firstCell(), m_zoom.y.firstCell()),
            QPointF(m_zoom.x.lastCell(), m_zoom.y.lastCell())};
}

void HeatMapCanvas::showCells(const QRectF &cells) {
    m_zoom.x.showCells(cells.left(), cells.right());
    m_zoom.y.showCells(cells.top(), cells.bottom());
    requestFrames();
}

void HeatMapCanvas::tellMoved() {
    QMetaObject::invokeMethod(
        this, [this] { emit viewMoved(shownCells()); }, Qt::QueuedConnection);
}

void HeatMapCanvas::zoomBy(double factor) {
    m_zoom.x.zoomAt(m_plot.center().x(), factor);
    m_zoom.y.zoomAt(m_plot.center().y(), factor);
    tellMoved();
    requestFrames();
}

void HeatMapCanvas::drawUi() {
    if (!m_scene.data || m_scene.data->rows() == 0 || m_scene.data->cols() == 0)
        return;
    const HeatMapLayout layout = HeatMapLayout::make(m_scene, width(), height());
    m_plot = layout.plot;
    m_zoom.x.setPixels(m_plot.left(), m_plot.width());
    m_zoom.y.setPixels(m_plot.top(), m_plot.height());
    const QRectF before = shownCells();
    interact();
    if (shownCells() != before)
        tellMoved();

    ImDrawList &draw = *ImGui::GetWindowDrawList();
    HeatMapDecor decor(m_scene, layout, m_zoom, palette(), draw);
    const ImVec2 topLeft(static_cast<float>(m_plot.left()), static_cast<float>(m_plot.top()));
    const ImVec2 bottomRight(static_cast<float>(m_plot.right()), static_cast<float>(m_plot.bottom()));
    draw.PushClipRect(topLeft, bottomRight, true);
    decor.drawHatch();
    drawTiles(draw);
    decor.drawBorders();
    decor.drawNumbers();
    draw.PopClipRect();
    decor.drawAxes();
    decor.drawOutliers();
    decor.drawSelection();
    decor.drawColorBar();
    drawProbe();
}

void HeatMapCanvas::interact() {
    ImGui::SetCursorScreenPos({static_cast<float>(m_plot.left()), static_cast<float>(m_plot.top())});
    ImGui::InvisibleButton("cells",
                           {static_cast<float>(m_plot.width()), static_cast<float>(m_plot.height())});
    const ImGuiIO &io = ImGui::GetIO();
    const double x = static_cast<double>(io.MousePos.x), y = static_cast<double>(io.MousePos.y);
    if (ImGui::IsItemHovered() && io.MouseWheel != 0) {
        const double factor = std::pow(kZoomPerNotch, static_cast<double>(io.MouseWheel));
        if (!io.KeyShift)
            m_zoom.x.zoomAt(x, factor);
        if (!io.KeyCtrl)
            m_zoom.y.zoomAt(y, factor);
    }
    if (ImGui::IsItemActivated())
        m_dragged = false;
    if (ImGui::IsItemActive() && ImGui::IsMouseDragging(ImGuiMouseButton_Left)) {
        m_dragged = true;
        m_zoom.x.panBy(static_cast<double>(io.MouseDelta.x));
        m_zoom.y.panBy(static_cast<double>(io.MouseDelta.y));
        ImGui::SetMouseCursor(ImGuiMouseCursor_ResizeAll);
    }
    if (ImGui::IsItemHovered() && ImGui::IsMouseDoubleClicked(ImGuiMouseButton_Left))
        m_zoom.fit();
    m_probe = {};
    // The pointer is on a pixel, not on its corner: cells may be hardly larger than that.
    const double half = 0.5 / devicePixelRatioF();
    if (ImGui::IsItemHovered() || (ImGui::IsItemActive() && m_plot.contains(x, y)))
        updateProbe(x + half, y + half);
    // Queued: a slot may want to change this very canvas.
    if (ImGui::IsItemDeactivated() && !m_dragged && m_probe.position.row >= 0)
        QMetaObject::invokeMethod(
            this, [this, at = m_probe.position] { emit cellPicked(at.row, at.col); }, Qt::QueuedConnection);
}

void HeatMapCanvas::updateProbe(double x, double y) {
    const int rowLevel = deviceLevel(m_zoom.y, devicePixelRatioF()),
              colLevel = deviceLevel(m_zoom.x, devicePixelRatioF());
    const auto last = [](std::int64_t count) { return count - 1; };
    const std::int64_t row = std::clamp<std::int64_t>(static_cast<std::int64_t>(m_zoom.y.toCell(y)), 0,
                                                      last(m_scene.data->rows()));
    const std::int64_t col = std::clamp<std::int64_t>(static_cast<std::int64_t>(m_zoom.x.toCell(x)), 0,
                                                      last(m_scene.data->cols()));
    m_probe = probeScene(m_scene, rowLevel, colLevel, row >> rowLevel, col >> colLevel);
}

HeatMapCanvas::TextureId HeatMapCanvas::tile(const TileKey &key) {
    if (const TextureId known = m_tiles.find(key))
        return known;
    if (!m_painter || m_painter->key() != key) {
        if (m_frameTimer.nsecsElapsed() > kPaintBudgetNs)
            return 0;
        m_painter.emplace(m_scene.data, m_scene.scale, *m_scene.map, m_scene.join, key);
    }
    while (!m_painter->isDone()) {
        if (m_frameTimer.nsecsElapsed() > kPaintBudgetNs)
            return 0;
        m_painter->paintRow();
    }
    const TilePixels &pixels = m_painter->tile();
    const TextureId texture = createTexture(pixels.width, pixels.height, pixels.rgba.data());
    m_tiles.insert(key, texture);
    m_painter.reset();
    return texture;
}

std::vector<TileKey> HeatMapCanvas::visibleTiles() const {
    const HeatMapData &data = *m_scene.data;
    TileKey key{data.id(),
                m_style,
                deviceLevel(m_zoom.y, devicePixelRatioF()),
                deviceLevel(m_zoom.x, devicePixelRatioF()),
                0,
                0};
    const auto tileIndex = [](double cell, int level) {
        return static_cast<std::int64_t>(cell) >> level >> 8; // kTileCells = 2^8
    };
    static_assert(kTileCells == 1 << 8);
    const std::int64_t lastRow = (data.rowsAt(key.rowLevel) - 1) / kTileCells;
    const std::int64_t lastCol = (data.colsAt(key.colLevel) - 1) / kTileCells;
    const std::int64_t endRow = std::min(lastRow, tileIndex(m_zoom.y.lastCell(), key.rowLevel));
    const std::int64_t endCol = std::min(lastCol, tileIndex(m_zoom.x.lastCell(), key.colLevel));
    std::vector<TileKey> keys;
    for (key.tileRow = tileIndex(m_zoom.y.firstCell(), key.rowLevel); key.tileRow <= endRow; ++key.tileRow)
        for (key.tileCol = tileIndex(m_zoom.x.firstCell(), key.colLevel); key.tileCol <= endCol;
             ++key.tileCol)
            keys.push_back(key);
    return keys;
}

void HeatMapCanvas::drawTile(ImDrawList &draw, const TileKey &key, TextureId texture) const {
    const auto edge = [](const AxisZoom &axis, std::int64_t tile, int level, std::int64_t cellsAtLevel) {
        const std::int64_t cell = (tile * kTileCells) << level;
        return static_cast<float>(axis.toPixel(static_cast<double>(std::min(cell, cellsAtLevel << level))));
    };
    const std::int64_t rows = m_scene.data->rowsAt(key.rowLevel), cols = m_scene.data->colsAt(key.colLevel);
    draw.AddImage(
        reinterpret_cast<ImTextureID>(static_cast<std::uintptr_t>(texture)),
        {edge(m_zoom.x, key.tileCol, key.colLevel, cols), edge(m_zoom.y, key.tileRow, key.rowLevel, rows)},
        {edge(m_zoom.x, key.tileCol + 1, key.colLevel, cols),
         edge(m_zoom.y, key.tileRow + 1, key.rowLevel, rows)});
}

void HeatMapCanvas::drawTiles(ImDrawList &draw) {
    m_tiles.beginFrame();
    m_frameTimer.start();
    const std::vector<TileKey> keys = visibleTiles();
    m_complete =
        std::all_of(keys.begin(), keys.end(), [this](const TileKey &key) { return m_tiles.find(key); });
    // While tiles are missing the whole map is seen coarsely beneath them, so it comes first.
    if (!m_complete) {
        const TileKey overview = overviewKey(*m_scene.data, m_style);
        if (const TextureId texture = tile(overview))
            drawTile(draw, overview, texture);
    }
    m_complete = true;
    for (const TileKey &key : keys) {
        const TextureId texture = tile(key);
        m_complete &= texture != 0;
        if (texture)
            drawTile(draw, key, texture);
    }
    if (!m_complete)
        requestFrames(2);
}

void HeatMapCanvas::drawProbe() {
    if (m_probe.text.isEmpty() || m_dragged)
        return;
    ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, {8, 6});
    ImGui::BeginTooltip();
    ImGui::TextUnformatted(m_probe.text.toUtf8().constData());
    ImGui::EndTooltip();
    ImGui::PopStyleVar();
}

void HeatMapCanvas::keyPressEvent(QKeyEvent *event) {
    const double stepX = m_plot.width() / 10, stepY = m_plot.height() / 10;
    switch (event->key()) {
    case Qt::Key_Plus:
    case Qt::Key_Equal:
        zoomBy(kZoomPerNotch);
        break;
    case Qt::Key_Minus:
        zoomBy(1 / kZoomPerNotch);
        break;
    case Qt::Key_F:
    case Qt::Key_0:
        fit();
        break;
    case Qt::Key_Left:
        m_zoom.x.panBy(stepX);
        break;
    case Qt::Key_Right:
        m_zoom.x.panBy(-stepX);
        break;
    case Qt::Key_Up:
        m_zoom.y.panBy(stepY);
        break;
    case Qt::Key_Down:
        m_zoom.y.panBy(-stepY);
        break;
    default:
        ImGuiCanvas::keyPressEvent(event);
        return;
    }
    tellMoved();
    requestFrames();
}

void HeatMapCanvas::contextMenuEvent(QContextMenuEvent *event) {
    if (!m_scene.data)
        return;
    auto *menu = new QMenu(this);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    menu->addAction(tr("Fit to window"), QKeySequence(Qt::Key_F), this, &HeatMapCanvas::fit);
    QAction *copy = menu->addAction(tr("Copy what is under the pointer"), this,
                                    [text = m_probe.text] { QGuiApplication::clipboard()->setText(text); });
    copy->setEnabled(!m_probe.text.isEmpty());
    FigureExporter::addTo(*menu, *this);
    menu->popup(event->globalPos());
}

std::shared_ptr<const Figure> HeatMapCanvas::figure() const {
    if (!m_scene.data || m_scene.data->rows() == 0 || m_scene.data->cols() == 0)
        return nullptr;
    const auto window = [](const AxisZoom &axis, std::int64_t count) {
        const auto first =
            std::clamp<std::int64_t>(static_cast<std::int64_t>(axis.firstCell()), 0, count - 1);
        const auto end = static_cast<std::int64_t>(std::ceil(axis.lastCell() - 1e-6));
        return axis.isFitted() ? std::pair(std::int64_t{0}, count)
                               : std::pair(first, std::clamp(end, first + 1, count));
    };
    const auto [firstRow, endRow] = window(m_zoom.y, m_scene.data->rows());
    const auto [firstCol, endCol] = window(m_zoom.x, m_scene.data->cols());
    return makeHeatMapFigure(m_scene, {firstRow, endRow, firstCol, endCol});
}

} // namespace qs::views
