#include "views/canvas/heat_map_decor.h"

#include "views/canvas/color_bar.h"
#include "views/shared/color_maps.h"
#include "views/shared/format_text.h"

#include <imgui.h>

namespace qs::views {

namespace {

constexpr double kTickLength = 4;
constexpr double kMarkLength = 6; ///< of the outlier marks at the edges
constexpr double kGap = 6;
constexpr double kFrameMinimum = 7; ///< pixels of a row or column that a frame fits around
constexpr double kColorBarWidth = 14;
constexpr double kBorderDistance = 12; ///< pixels between block borders, at least

unsigned int packed(const QColor &color, int alpha = 255) {
    return IM_COL32(color.red(), color.green(), color.blue(), alpha);
}

double textWidth(const QString &text) {
    return static_cast<double>(ImGui::CalcTextSize(text.toUtf8().constData()).x);
}

ImVec2 point(double x, double y) {
    return {static_cast<float>(x), static_cast<float>(y)};
}

QString indexLabel(const HeatMapScene &scene, std::int64_t row) {
    return scene.rowNames.empty() ? QString::number(row) : scene.rowNames[static_cast<std::size_t>(row)];
}

double rowLabelWidth(const HeatMapScene &scene) {
    double width = textWidth(scene.rowTitle);
    if (scene.rowNames.empty())
        return std::max(width, textWidth(QString::number(scene.data->rows())));
    for (const QString &name : scene.rowNames)
        width = std::max(width, textWidth(name));
    return width;
}

QString fitted(const QString &text, double width) {
    QString result = text;
    for (auto chars = static_cast<int>(text.size()); chars > 3 && textWidth(result) > width; --chars)
        result = elideMiddle(text, chars);
    return result;
}

/// Every n-th label is written so that neighbours do not touch.
std::int64_t labelStep(double pixelsPerCell, double pixelsPerLabel) {
    return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(pixelsPerLabel / pixelsPerCell)));
}

} // namespace

HeatMapLayout HeatMapLayout::make(const HeatMapScene &scene, double width, double height) {
    const double line = ImGui::GetTextLineHeight();
    double tickWidth = textWidth(scene.valueTitle) - kColorBarWidth - kGap;
    for (const Tick &tick : scene.scale.ticks(kColorBarTicks))
        tickWidth = std::max(tickWidth, textWidth(QString::fromStdString(tick.label)));
    const double left = std::min(rowLabelWidth(scene), width * 0.32) + kTickLength + kMarkLength + 2 * kGap;
    const double right = kMarkLength + 2 * kGap + kColorBarWidth + kTickLength + tickWidth + 2 * kGap;
    const double top = line + kGap + kMarkLength + 2;
    const double bottom = kTickLength + 2 * line + kGap;
    HeatMapLayout layout;
    layout.plot =
        QRectF(left, top, std::max(8.0, width - left - right), std::max(8.0, height - top - bottom));
    layout.colorBar = QRectF(layout.plot.right() + kMarkLength + 2 * kGap, layout.plot.top(), kColorBarWidth,
                             layout.plot.height());
    layout.width = width;
    return layout;
}

HeatMapDecor::HeatMapDecor(const HeatMapScene &scene, const HeatMapLayout &layout, const PanZoom &zoom,
                           const QPalette &palette, ImDrawList &draw)
    : m_scene(scene), m_layout(layout), m_zoom(zoom), m_draw(draw),
      m_textColor(packed(palette.color(QPalette::Text))),
      m_weakColor(packed(palette.color(QPalette::Text), 150)),
      m_accentColor(packed(palette.color(QPalette::Highlight))),
      m_baseColor(packed(palette.color(QPalette::Base))) {}

void HeatMapDecor::text(double x, double y, const QString &string, unsigned int color) {
    m_draw.AddText(point(std::round(x), std::round(y)), color, string.toUtf8().constData());
}

void HeatMapDecor::drawHatch() {
    const QRectF &plot = m_layout.plot;
    m_draw.PushClipRect(point(plot.left(), plot.top()), point(plot.right(), plot.bottom()), true);
    for (double x = plot.left() - plot.height(); x < plot.right(); x += 8)
        m_draw.AddLine(point(x, plot.bottom()), point(x + plot.height(), plot.top()),
                       (m_weakColor & 0x00FFFFFFu) | 70u << 24);
    m_draw.PopClipRect();
}

bool HeatMapDecor::visibleCells(std::int64_t &row, std::int64_t &col, std::int64_t &endRow,
                                std::int64_t &endCol) const {
    row = static_cast<std::int64_t>(m_zoom.y.firstCell());
    col = static_cast<std::int64_t>(m_zoom.x.firstCell());
    endRow = std::min(m_scene.data->rows(), static_cast<std::int64_t>(std::ceil(m_zoom.y.lastCell())));
    endCol = std::min(m_scene.data->cols(), static_cast<std::int64_t>(std::ceil(m_zoom.x.lastCell())));
    return row < endRow && col < endCol;
}

void HeatMapDecor::drawBorders() {
    const QRectF &plot = m_layout.plot;
    const auto line = [&](const ImVec2 &from, const ImVec2 &to) {
        // Two tones, to be seen on every colour.
        m_draw.AddLine(from, to, (m_baseColor & 0x00FFFFFFu) | 150u << 24, 3);
        m_draw.AddLine(from, to, m_textColor, 1);
    };
    const auto each = [](const AxisZoom &axis, std::int64_t step, std::int64_t cells, auto &&draw) {
        if (step <= 0 || axis.scale() * static_cast<double>(step) < kBorderDistance)
            return;
        const std::int64_t first = (static_cast<std::int64_t>(axis.firstCell()) / step + 1) * step;
        for (std::int64_t cell = first; cell < cells && static_cast<double>(cell) < axis.lastCell();
             cell += step)
            draw(std::round(axis.toPixel(static_cast<double>(cell))));
    };
    each(m_zoom.x, m_scene.borders.everyCols, m_scene.data->cols(),
         [&](double x) { line(point(x, plot.top()), point(x, plot.bottom())); });
    each(m_zoom.y, m_scene.borders.everyRows, m_scene.data->rows(),
         [&](double y) { line(point(plot.left(), y), point(plot.right(), y)); });
}

void HeatMapDecor::drawNumbers() {
    const double line = ImGui::GetTextLineHeight();
    const double needed = textWidth(QStringLiteral("−0.0001234"));
    std::int64_t firstRow, firstCol, endRow, endCol;
    if (m_zoom.x.scale() < needed || m_zoom.y.scale() < line + 2 ||
        !visibleCells(firstRow, firstCol, endRow, endCol))
        return;
    for (std::int64_t row = firstRow; row < endRow; ++row)
        for (std::int64_t col = firstCol; col < std::min(endCol, m_scene.data->rowLength(row)); ++col) {
            const float value = m_scene.data->value(row, col);
            const QString label = formatNumber(value);
            const QColor color = readableTextOn(toQColor(m_scene.map->at(m_scene.scale.position(value))));
            text(m_zoom.x.toPixel(static_cast<double>(col) + 0.5) - textWidth(label) / 2,
                 m_zoom.y.toPixel(static_cast<double>(row) + 0.5) - line / 2, label, packed(color));
        }
}

void HeatMapDecor::drawOutliers() {
    const HeatMapOutliers &outliers = m_scene.outliers;
    if (outliers.limits.empty())
        return;
    const QRectF &plot = m_layout.plot;
    double last = -1e9; // marks that share a pixel are drawn once
    for (std::int64_t col : outliers.columns) {
        const double x = std::round(m_zoom.x.toPixel(static_cast<double>(col) + 0.5));
        if (x < plot.left() || x > plot.right() || x == last)
            continue;
        last = x;
        m_draw.AddLine(point(x, plot.top() - 2 - kMarkLength), point(x, plot.top() - 2), m_weakColor);
    }
    last = -1e9;
    for (std::int64_t row : outliers.rows) {
        const double y = std::round(m_zoom.y.toPixel(static_cast<double>(row) + 0.5));
        if (y < plot.top() || y > plot.bottom() || y == last)
            continue;
        last = y;
        m_draw.AddLine(point(plot.right() + 2, y), point(plot.right() + 2 + kMarkLength, y), m_weakColor);
    }
    std::int64_t firstRow, firstCol, endRow, endCol;
    if (m_zoom.x.scale() < 7 || m_zoom.y.scale() < 7 || !visibleCells(firstRow, firstCol, endRow, endCol))
        return;
    for (std::int64_t row = firstRow; row < endRow; ++row)
        for (std::int64_t col = firstCol; col < std::min(endCol, m_scene.data->rowLength(row)); ++col) {
            const float value = m_scene.data->value(row, col);
            if (!(std::abs(value) >= outliers.limit(row)))
                continue;
            const QColor color = readableTextOn(toQColor(m_scene.map->at(m_scene.scale.position(value))));
            m_draw.AddRect(point(m_zoom.x.toPixel(static_cast<double>(col)) + 1.5,
                                 m_zoom.y.toPixel(static_cast<double>(row)) + 1.5),
                           point(m_zoom.x.toPixel(static_cast<double>(col + 1)) - 0.5,
                                 m_zoom.y.toPixel(static_cast<double>(row + 1)) - 0.5),
                           packed(color));
        }
}

void HeatMapDecor::drawSelection() {
    const QRectF &plot = m_layout.plot;
    m_draw.PushClipRect(point(plot.left() - 3, plot.top() - 3), point(plot.right() + 3, plot.bottom() + 3),
                        true);
    const auto frame = [&](double x0, double y0, double x1, double y1) {
        m_draw.AddRect(point(x0 - 1, y0 - 1), point(x1 + 1, y1 + 1), m_baseColor, 0, 0, 4);
        m_draw.AddRect(point(x0 - 1, y0 - 1), point(x1 + 1, y1 + 1), m_accentColor, 0, 0, 2);
    };
    // A frame around a narrow strip would hide its neighbours: the triangles at the edges do then.
    const double y = m_zoom.y.toPixel(static_cast<double>(m_scene.selectedRow));
    const double x = m_zoom.x.toPixel(static_cast<double>(m_scene.selectedColumn));
    if (m_scene.selectedRow >= 0 && m_zoom.y.scale() >= kFrameMinimum)
        frame(plot.left(), y, plot.right(), y + m_zoom.y.scale());
    if (m_scene.selectedColumn >= 0 && m_zoom.x.scale() >= kFrameMinimum)
        frame(x, plot.top(), x + m_zoom.x.scale(), plot.bottom());
    m_draw.PopClipRect();
    drawSelectionMarks(x + m_zoom.x.scale() / 2, y + m_zoom.y.scale() / 2);
}

void HeatMapDecor::drawSelectionMarks(double x, double y) {
    const QRectF &plot = m_layout.plot;
    const double s = kMarkLength;
    const auto triangle = [&](double tipX, double tipY, double dx, double dy) {
        // From the tip, outwards along (dx, dy) and half as far to both sides.
        const ImVec2 tip = point(tipX, tipY);
        const ImVec2 a = point(tipX + s * dx + s * dy * 0.7, tipY + s * dy + s * dx * 0.7);
        const ImVec2 b = point(tipX + s * dx - s * dy * 0.7, tipY + s * dy - s * dx * 0.7);
        // ImGui wants one winding; the order of a and b depends on the direction.
        m_draw.AddTriangleFilled(tip, dx + dy > 0 ? a : b, dx + dy > 0 ? b : a, m_accentColor);
        m_draw.AddTriangle(tip, a, b, m_baseColor);
    };
    if (m_scene.selectedRow >= 0 && y >= plot.top() && y <= plot.bottom()) {
        triangle(plot.left() - 2, y, -1, 0);
        triangle(plot.right() + 2, y, 1, 0);
    }
    if (m_scene.selectedColumn >= 0 && x >= plot.left() && x <= plot.right()) {
        triangle(x, plot.top() - 2, 0, -1);
        triangle(x, plot.bottom() + 2, 0, 1);
    }
}

void HeatMapDecor::drawAxes() {
    const QRectF &plot = m_layout.plot;
    m_draw.AddRect(point(plot.left() - 1, plot.top() - 1), point(plot.right() + 1, plot.bottom() + 1),
                   m_weakColor);
    drawRowLabels();
    drawColumnLabels();
}

void HeatMapDecor::drawRowLabels() {
    const QRectF &plot = m_layout.plot;
    const double line = ImGui::GetTextLineHeight();
    const double right = plot.left() - kTickLength - kMarkLength - kGap;
    text(kGap, 2, m_scene.rowTitle + QStringLiteral(" ↓"), m_weakColor);
    const std::int64_t step = labelStep(m_zoom.y.scale(), line + 1);
    const auto first = static_cast<std::int64_t>(m_zoom.y.firstCell());
    const auto end =
        std::min(m_scene.data->rows(), static_cast<std::int64_t>(std::ceil(m_zoom.y.lastCell())));
    std::vector<std::int64_t> rows;
    if (m_scene.rowNames.empty()) {
        rows = indexTicks(m_zoom.y.firstCell(), m_zoom.y.lastCell(),
                          static_cast<int>(plot.height() / (2.5 * line)));
    } else {
        for (std::int64_t row = (first + step - 1) / step * step; row < end; row += step)
            rows.push_back(row);
    }
    const std::int64_t selected = m_scene.selectedRow;
    if (selected >= first && selected < end && std::find(rows.begin(), rows.end(), selected) == rows.end())
        std::erase_if(rows, [&](std::int64_t row) { return std::abs(row - selected) < step; });
    if (selected >= first && selected < end && std::find(rows.begin(), rows.end(), selected) == rows.end())
        rows.push_back(selected);
    for (std::int64_t row : rows) {
        const double y = m_zoom.y.toPixel(static_cast<double>(row) + 0.5);
        if (y < plot.top() || y > plot.bottom())
            continue;
        const QString label = fitted(indexLabel(m_scene, row), right - kGap);
        m_draw.AddLine(point(plot.left() - 1 - kTickLength, y), point(plot.left() - 1, y), m_weakColor);
        text(right - textWidth(label), y - line / 2, label, m_textColor);
    }
}

void HeatMapDecor::drawColumnLabels() {
    const QRectF &plot = m_layout.plot;
    const double line = ImGui::GetTextLineHeight();
    const double widest = textWidth(QString::number(m_scene.data->cols())) + 3 * kGap;
    const auto ticks =
        indexTicks(m_zoom.x.firstCell(), m_zoom.x.lastCell(), static_cast<int>(plot.width() / widest));
    for (std::int64_t tick : ticks) {
        const double x = m_zoom.x.toPixel(static_cast<double>(tick) + 0.5);
        if (tick >= m_scene.data->cols() || x > plot.right())
            break;
        const QString label = QString::number(tick);
        m_draw.AddLine(point(x, plot.bottom() + 1), point(x, plot.bottom() + 1 + kTickLength), m_weakColor);
        text(x - textWidth(label) / 2, plot.bottom() + 1 + kTickLength, label, m_textColor);
    }
    const QString title = m_scene.columnTitle + QStringLiteral(" →");
    text(plot.center().x() - textWidth(title) / 2, plot.bottom() + kTickLength + line + 2, title,
         m_weakColor);
}

void HeatMapDecor::drawColorBar() {
    const QRectF &bar = m_layout.colorBar;
    views::drawColorBar(m_draw, bar, *m_scene.map, m_scene.scale, {m_textColor, m_weakColor});
    const double line = ImGui::GetTextLineHeight();
    text(bar.left(), 2, m_scene.valueTitle, m_textColor);
    text(m_layout.width - kGap - textWidth(m_scene.valueUnit), bar.bottom() + kTickLength + line + 2,
         m_scene.valueUnit, m_weakColor);
    if (m_scene.data->nonFiniteCount() > 0)
        drawNotFinite();
}

void HeatMapDecor::drawNotFinite() {
    const double line = ImGui::GetTextLineHeight();
    const double top = std::round(m_layout.plot.bottom() + kTickLength + line + 2);
    m_draw.AddRectFilled(point(kGap, top + 2), point(kGap + line - 4, top + line - 2),
                         packed(toQColor(kNotANumberColor)));
    text(kGap + line, top, QObject::tr("NaN or Inf: %1").arg(formatCount(m_scene.data->nonFiniteCount())),
         m_textColor);
}

} // namespace qs::views
