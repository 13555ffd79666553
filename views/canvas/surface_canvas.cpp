#include "views/canvas/surface_canvas.h"

#include "views/canvas/surface_figure.h"
#include "views/canvas/surface_painter.h"
#include "views/shared/figure_export.h"
#include "views/shared/format_text.h"

#include <QClipboard>
#include <QContextMenuEvent>
#include <QGuiApplication>
#include <QKeyEvent>
#include <QMenu>
#include <imgui.h>

namespace qs::views {

namespace {

constexpr double kDegreesPerPixel = 0.4, kDegreesPerKey = 5;
constexpr double kZoomPerNotch = 1.25;

} // namespace

SurfaceCanvas::SurfaceCanvas(QWidget *parent) : ImGuiCanvas(parent) {
    setAccessibleName(tr("3-D bars"));
}

void SurfaceCanvas::setScene(SurfaceScene scene) {
    m_scene = std::move(scene);
    m_heights.clear();
    m_probed = {};
    m_probedBar = -1;
    requestFrames();
    if (!m_scene.points)
        return;
    for (const float value : m_scene.points->values) {
        const double height = m_scene.scale.position(static_cast<double>(value));
        m_heights.push_back(std::isnan(height) ? 1.0f : static_cast<float>(height)); // to be seen
    }
    // Long and narrow matrices keep some depth.
    const double ratio =
        static_cast<double>(m_scene.points->rows) / static_cast<double>(m_scene.points->cols);
    m_camera.setProportions(std::clamp(1 / ratio, 0.5, 1.0), std::clamp(ratio, 0.5, 1.0), 0.45);
}

void SurfaceCanvas::setSelection(std::int64_t row, std::int64_t column) {
    m_scene.selectedRow = row;
    m_scene.selectedColumn = column;
    requestFrames();
}

void SurfaceCanvas::reset() {
    m_camera.reset();
    requestFrames();
}

SurfaceBars SurfaceCanvas::bars() const {
    return {m_scene.points->rows, m_scene.points->cols, m_heights};
}

HeatMapPosition SurfaceCanvas::positionOf(std::int64_t bar) const {
    if (bar < 0)
        return {};
    const std::int64_t position = m_scene.points->positions[static_cast<std::size_t>(bar)];
    return {position / m_scene.points->srcCols, position % m_scene.points->srcCols};
}

void SurfaceCanvas::drawUi() {
    if (!m_scene.points || m_scene.points->values.empty())
        return;
    const SurfaceLayout layout = SurfaceLayout::make(m_scene, width(), height());
    m_plot = layout.plot;
    m_camera.setViewport(m_plot.left(), m_plot.top(), m_plot.width(), m_plot.height());
    interact();

    const SurfaceBars shown = bars();
    ImDrawList &draw = *ImGui::GetWindowDrawList();
    SurfacePainter painter(m_scene, shown, m_camera, layout, palette(), draw);
    draw.PushClipRect({0, 0}, {static_cast<float>(layout.colorBar.left() - 2), static_cast<float>(height())},
                      true);
    painter.drawBox();
    std::int64_t marked = -1;
    const PooledMagnitudes &points = *m_scene.points;
    if (m_scene.selectedRow >= 0 && m_scene.selectedColumn >= 0 && m_scene.selectedRow < points.srcRows &&
        m_scene.selectedColumn < points.srcCols)
        marked = m_scene.selectedRow / points.rowsPerPoint * points.cols +
                 m_scene.selectedColumn / points.colsPerPoint;
    painter.drawBars(marked);
    painter.drawAxes();
    draw.PopClipRect();
    painter.drawColorBar();
    painter.drawNotes(reductionText());
    if (const QString text = probeText(); !text.isEmpty() && !m_dragged) {
        ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, {8, 6});
        ImGui::BeginTooltip();
        ImGui::TextUnformatted(text.toUtf8().constData());
        ImGui::EndTooltip();
        ImGui::PopStyleVar();
    }
}

void SurfaceCanvas::interact() {
    ImGui::SetCursorScreenPos({0, 0});
    ImGui::InvisibleButton("surface", {static_cast<float>(width()), static_cast<float>(height())});
    const ImGuiIO &io = ImGui::GetIO();
    if (ImGui::IsItemHovered() && io.MouseWheel != 0)
        m_camera.zoomAt(static_cast<double>(io.MousePos.x), static_cast<double>(io.MousePos.y),
                        std::pow(kZoomPerNotch, static_cast<double>(io.MouseWheel)));
    if (ImGui::IsItemActivated())
        m_dragged = false;
    if (ImGui::IsItemActive() && ImGui::IsMouseDragging(ImGuiMouseButton_Left)) {
        m_dragged = true;
        m_camera.orbit(-kDegreesPerPixel * static_cast<double>(io.MouseDelta.x),
                       kDegreesPerPixel * static_cast<double>(io.MouseDelta.y));
        ImGui::SetMouseCursor(ImGuiMouseCursor_ResizeAll);
    }
    if (ImGui::IsItemHovered() && ImGui::IsMouseDoubleClicked(ImGuiMouseButton_Left))
        m_camera.reset();
    m_probedBar = -1;
    if (ImGui::IsItemHovered())
        m_probedBar = pickBar(bars(), m_camera.rayThrough(static_cast<double>(io.MousePos.x) + 0.5,
                                                          static_cast<double>(io.MousePos.y) + 0.5));
    m_probed = positionOf(m_probedBar);
    // Queued: a slot may want to change this very canvas.
    if (ImGui::IsItemDeactivated() && !m_dragged && m_probed.row >= 0)
        QMetaObject::invokeMethod(
            this, [this, at = m_probed] { emit cellPicked(at.row, at.col); }, Qt::QueuedConnection);
    if (!ImGui::IsItemActive())
        m_dragged = false;
}

QString SurfaceCanvas::reductionText() const {
    if (!m_scene.points || !m_scene.points->isReduced())
        return {};
    return tr("Each bar: max of %1 × %2 cells (%3s × %4s)")
        .arg(m_scene.points->rowsPerPoint)
        .arg(m_scene.points->colsPerPoint)
        .arg(m_scene.rowTitle, m_scene.columnTitle);
}

QString SurfaceCanvas::probeText() const {
    if (m_probedBar < 0)
        return {};
    const PooledMagnitudes &points = *m_scene.points;
    const float value = points.values[static_cast<std::size_t>(m_probedBar)];
    QString text = QStringLiteral("%1 %2\n%3 %4\n%5 = %6")
                       .arg(m_scene.rowTitle)
                       .arg(m_probed.row)
                       .arg(m_scene.columnTitle)
                       .arg(m_probed.col)
                       .arg(m_scene.valueTitle, formatExact(value));
    if (!points.isReduced())
        return text;
    const std::int64_t row = m_probedBar / points.cols * points.rowsPerPoint;
    const std::int64_t col = m_probedBar % points.cols * points.colsPerPoint;
    return text + tr("\nthe largest of %1s %2–%3, %4s %5–%6")
                      .arg(m_scene.rowTitle)
                      .arg(row)
                      .arg(std::min(row + points.rowsPerPoint, points.srcRows) - 1)
                      .arg(m_scene.columnTitle)
                      .arg(col)
                      .arg(std::min(col + points.colsPerPoint, points.srcCols) - 1);
}

std::shared_ptr<const Figure> SurfaceCanvas::figure() const {
    if (!m_scene.points || m_scene.points->values.empty())
        return nullptr;
    return makeSurfaceFigure(m_scene, m_heights, m_camera);
}

void SurfaceCanvas::keyPressEvent(QKeyEvent *event) {
    switch (event->key()) {
    case Qt::Key_Plus:
    case Qt::Key_Equal:
        m_camera.zoomAt(m_plot.center().x(), m_plot.center().y(), kZoomPerNotch);
        break;
    case Qt::Key_Minus:
        m_camera.zoomAt(m_plot.center().x(), m_plot.center().y(), 1 / kZoomPerNotch);
        break;
    case Qt::Key_F:
    case Qt::Key_0:
        m_camera.reset();
        break;
    case Qt::Key_Left:
        m_camera.orbit(kDegreesPerKey, 0);
        break;
    case Qt::Key_Right:
        m_camera.orbit(-kDegreesPerKey, 0);
        break;
    case Qt::Key_Up:
        m_camera.orbit(0, kDegreesPerKey);
        break;
    case Qt::Key_Down:
        m_camera.orbit(0, -kDegreesPerKey);
        break;
    default:
        ImGuiCanvas::keyPressEvent(event);
        return;
    }
    requestFrames();
}

void SurfaceCanvas::contextMenuEvent(QContextMenuEvent *event) {
    if (!m_scene.points)
        return;
    auto *menu = new QMenu(this);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    menu->addAction(tr("Reset the point of view"), QKeySequence(Qt::Key_F), this, &SurfaceCanvas::reset);
    QAction *copy = menu->addAction(tr("Copy what is under the pointer"), this,
                                    [text = probeText()] { QGuiApplication::clipboard()->setText(text); });
    copy->setEnabled(m_probedBar >= 0);
    FigureExporter::addTo(*menu, *this);
    menu->popup(event->globalPos());
}

} // namespace qs::views
