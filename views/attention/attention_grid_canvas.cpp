#include "views/attention/attention_grid_canvas.h"

#include "core/figure/figure.h"
#include "views/attention/attention_source.h"
#include "views/canvas/color_bar.h"
#include "views/shared/color_maps.h"
#include "views/shared/figure_export.h"
#include "views/shared/format_text.h"

#include <QContextMenuEvent>
#include <QElapsedTimer>
#include <QKeyEvent>
#include <QMenu>
#include <QMouseEvent>
#include <imgui.h>

namespace qs::views {

namespace {

constexpr double kGap = 6, kPanelGap = 6, kBarWidth = 14, kScaleWidth = 96; ///< at least
constexpr double kSmallestSide = 26, kLargestSide = 320;
constexpr int kNameChars = 26;
constexpr qint64 kPaintBudgetMs = 8; ///< per frame; the rest comes with the next frame

unsigned int packed(const QColor &color, int alpha = 255) {
    return IM_COL32(color.red(), color.green(), color.blue(), alpha);
}
ImVec2 point(double x, double y) {
    return {static_cast<float>(x), static_cast<float>(y)};
}
double textWidth(const QString &text) {
    return static_cast<double>(ImGui::CalcTextSize(text.toUtf8().constData()).x);
}

void showToolTip(const QString &text) {
    ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, {8, 6});
    ImGui::BeginTooltip();
    ImGui::TextUnformatted(text.toUtf8().constData());
    ImGui::EndTooltip();
    ImGui::PopStyleVar();
}

std::vector<std::uint32_t> pixelsOf(const AttentionPanel &panel, const AttentionGrid &grid) {
    const ColorMap &map = panel.isDifference ? differenceMap() : probabilityMap();
    const HeatMapScale &scale = panel.isDifference ? grid.differenceScale : grid.scale;
    std::vector<std::uint32_t> pixels;
    for (const float value : panel.map.values<float>())
        pixels.push_back(packed(toQColor(map.at(scale.position(static_cast<double>(value))))));
    return pixels;
}

} // namespace

AttentionGridCanvas::AttentionGridCanvas(QWidget *parent) : ImGuiCanvas(parent) {
    setAccessibleName(tr("Grid of attention maps, one per head"));
    setFocusPolicy(Qt::StrongFocus);
    setFigureName(QStringLiteral("attention"));
}

void AttentionGridCanvas::setGrid(AttentionGrid grid) {
    for (const TextureId texture : m_textures)
        if (texture)
            m_stale.push_back(texture);
    m_textures.assign(grid.panels.size(), 0);
    m_grid = std::move(grid);
    setCurrent(m_block, m_head);
    requestFrames();
}

void AttentionGridCanvas::setCurrent(int block, int head) {
    m_block = block;
    m_head = head;
    // Of the rows that show this head, the one where the keyboard is stays.
    const AttentionPanel *panel = panelAt(m_row, m_column);
    const bool stays = panel && panel->block == block && panel->head == head;
    for (std::size_t i = 0; i < m_grid.panels.size() && !stays; ++i)
        if (m_grid.panels[i].block == block && m_grid.panels[i].head == head) {
            m_row = static_cast<int>(i) / m_grid.columns;
            m_column = static_cast<int>(i) % m_grid.columns;
            break;
        }
    requestFrames();
}

bool AttentionGridCanvas::hasDifference() const {
    return std::any_of(m_grid.panels.begin(), m_grid.panels.end(),
                       [](const AttentionPanel &panel) { return panel.isDifference; });
}

const AttentionPanel *AttentionGridCanvas::panelAt(int row, int column) const {
    if (row < 0 || column < 0 || row >= m_grid.rows() || column >= m_grid.columns)
        return nullptr;
    const AttentionPanel &panel = m_grid.panels[static_cast<std::size_t>(row * m_grid.columns + column)];
    return panel.head >= 0 ? &panel : nullptr;
}

AttentionGridCanvas::Layout AttentionGridCanvas::makeLayout() const {
    double names = 0;
    for (const QString &name : m_grid.rowNames)
        names = std::max(names, textWidth(elideMiddle(name, kNameChars)));
    const double line = static_cast<double>(ImGui::GetTextLineHeight());
    const double scaleWidth = 2 * kGap + std::max({kScaleWidth, textWidth(m_grid.valueTitle),
                                                   hasDifference() ? textWidth(m_grid.differenceTitle) : 0});
    Layout layout;
    layout.left = std::min(names, width() * 0.3) + 2 * kGap;
    layout.top = line + 2 * kGap;
    const double across = (width() - layout.left - scaleWidth) / std::max(1, m_grid.columns);
    const double down = (height() - layout.top - kGap) / std::max(1, m_grid.rows());
    // As large as both directions allow; rows that would be too small to see scroll instead.
    layout.side =
        std::clamp(std::min(across, std::max(down, kSmallestSide)), kSmallestSide / 2, kLargestSide);
    layout.barLeft =
        std::min(layout.left + layout.side * m_grid.columns + 2 * kGap, width() - scaleWidth + kGap);
    return layout;
}

QRectF AttentionGridCanvas::panelRect(int row, int column) const {
    return {m_layout.left + column * m_layout.side, m_layout.top + row * m_layout.side - m_scroll,
            m_layout.side - kPanelGap, m_layout.side - kPanelGap};
}

AttentionGridCanvas::TextureId AttentionGridCanvas::texture(std::size_t index) {
    TextureId &known = m_textures[index];
    const AttentionPanel &panel = m_grid.panels[index];
    if (!known && !panel.map.empty())
        known = createTexture(static_cast<int>(panel.map.shape()[1]), static_cast<int>(panel.map.shape()[0]),
                              pixelsOf(panel, m_grid).data());
    return known;
}

void AttentionGridCanvas::drawUi() {
    for (const TextureId texture : std::exchange(m_stale, {}))
        deleteTexture(texture);
    if (m_grid.panels.empty())
        return;
    m_layout = makeLayout();
    const double contentHeight = m_layout.side * m_grid.rows();
    const double room = height() - m_layout.top;
    const ImGuiIO &io = ImGui::GetIO();
    m_scroll = std::clamp(m_scroll - static_cast<double>(io.MouseWheel) * m_layout.side, 0.0,
                          std::max(0.0, contentHeight - room));
    ImGui::SetCursorScreenPos({0, 0});
    ImGui::InvisibleButton("grid", {static_cast<float>(width()), static_cast<float>(height())});
    ImDrawList &draw = *ImGui::GetWindowDrawList();
    draw.PushClipRect(point(0, m_layout.top - 2), point(width(), height()), true);
    drawPanels(draw, ImGui::IsItemHovered());
    draw.PopClipRect();
    drawLabels(draw);
    drawScales(draw);
}

void AttentionGridCanvas::drawPanels(ImDrawList &draw, bool hovered) {
    const unsigned int frame = packed(palette().color(QPalette::Text), 90);
    const unsigned int accent = packed(palette().color(QPalette::Highlight));
    const ImVec2 mouse = ImGui::GetIO().MousePos;
    QElapsedTimer timer;
    timer.start();
    bool isComplete = true;
    for (int row = 0; row < m_grid.rows(); ++row)
        for (int column = 0; column < m_grid.columns; ++column) {
            const AttentionPanel *panel = panelAt(row, column);
            const QRectF rect = panelRect(row, column);
            if (!panel || rect.bottom() < m_layout.top || rect.top() > height())
                continue;
            const ImVec2 from = point(rect.left(), rect.top()), to = point(rect.right(), rect.bottom());
            const auto index = static_cast<std::size_t>(row * m_grid.columns + column);
            const TextureId id = timer.elapsed() < kPaintBudgetMs ? texture(index) : m_textures[index];
            isComplete &= id != 0 || panel->map.empty();
            if (id)
                draw.AddImage(reinterpret_cast<ImTextureID>(static_cast<std::uintptr_t>(id)), from, to);
            draw.AddRect(from, to, frame);
            if (panel->block == m_block && panel->head == m_head)
                draw.AddRect(point(rect.left() - 1.5, rect.top() - 1.5),
                             point(rect.right() + 1.5, rect.bottom() + 1.5), accent, 0, 0,
                             row == m_row ? 3.0f : 1.5f);
            if (!hovered || !rect.contains(static_cast<double>(mouse.x), static_cast<double>(mouse.y)))
                continue;
            showToolTip(panel->toolTip);
            if (ImGui::IsMouseClicked(ImGuiMouseButton_Left))
                QMetaObject::invokeMethod(
                    this, [this, block = panel->block, head = panel->head] { emit headPicked(block, head); },
                    Qt::QueuedConnection);
        }
    if (!isComplete)
        requestFrames(2);
}

void AttentionGridCanvas::drawLabels(ImDrawList &draw) const {
    const unsigned int text = packed(palette().color(QPalette::Text));
    const double line = static_cast<double>(ImGui::GetTextLineHeight());
    for (int column = 0; column < m_grid.columns; ++column) {
        const QString wide = tr("head %1").arg(column);
        const QString label = textWidth(wide) < m_layout.side - 4 ? wide : QString::number(column);
        const QRectF rect = panelRect(0, column);
        draw.AddText(point(std::round(rect.center().x() - textWidth(label) / 2), kGap), text,
                     label.toUtf8().constData());
    }
    for (int row = 0; row < m_grid.rows(); ++row) {
        const QRectF rect = panelRect(row, 0);
        if (rect.center().y() - line / 2 < m_layout.top || rect.top() > height())
            continue;
        const QString name = elideMiddle(m_grid.rowNames[static_cast<std::size_t>(row)], kNameChars);
        draw.AddText(point(m_layout.left - kGap - textWidth(name), std::round(rect.center().y() - line / 2)),
                     text, name.toUtf8().constData());
    }
}

void AttentionGridCanvas::drawScales(ImDrawList &draw) const {
    const ColorBarStyle style{packed(palette().color(QPalette::Text)),
                              packed(palette().color(QPalette::Text), 150)};
    const double line = static_cast<double>(ImGui::GetTextLineHeight());
    const bool both = hasDifference();
    const double room = height() - m_layout.top - kGap;
    const double barHeight = std::min(260.0, (both ? room / 2 : room) - line - 2 * kGap);
    if (barHeight < 40)
        return;
    const auto drawOne = [&](double top, const QString &title, const ColorMap &map,
                             const HeatMapScale &scale) {
        draw.AddText(point(m_layout.barLeft, top), style.weakColor, title.toUtf8().constData());
        drawColorBar(draw, {m_layout.barLeft, top + line + kGap, kBarWidth, barHeight}, map, scale, style);
    };
    const bool onlyDifferences =
        both && std::all_of(m_grid.panels.begin(), m_grid.panels.end(),
                            [](const auto &panel) { return panel.isDifference || panel.head < 0; });
    if (!onlyDifferences)
        drawOne(kGap, m_grid.valueTitle, probabilityMap(), m_grid.scale);
    if (both)
        drawOne(onlyDifferences ? kGap : m_layout.top + room / 2, m_grid.differenceTitle, differenceMap(),
                m_grid.differenceScale);
}

void AttentionGridCanvas::move(int rows, int columns) {
    const AttentionPanel *panel = panelAt(m_row + rows, m_column + columns);
    if (!panel)
        return;
    m_row += rows;
    m_column += columns;
    m_block = panel->block;
    m_head = panel->head;
    revealCurrent();
    requestFrames();
    emit headPicked(panel->block, panel->head);
}

void AttentionGridCanvas::revealCurrent() {
    const QRectF rect = panelRect(m_row, m_column);
    if (rect.top() < m_layout.top)
        m_scroll -= m_layout.top - rect.top();
    else if (rect.bottom() > height())
        m_scroll += rect.bottom() - height();
}

void AttentionGridCanvas::keyPressEvent(QKeyEvent *event) {
    switch (event->key()) {
    case Qt::Key_Left:
        return move(0, -1);
    case Qt::Key_Right:
        return move(0, 1);
    case Qt::Key_Up:
        return move(-1, 0);
    case Qt::Key_Down:
        return move(1, 0);
    case Qt::Key_Return:
    case Qt::Key_Enter:
        if (const AttentionPanel *panel = panelAt(m_row, m_column))
            emit headOpened(panel->block, panel->head);
        return;
    default:
        ImGuiCanvas::keyPressEvent(event);
    }
}

void AttentionGridCanvas::mouseDoubleClickEvent(QMouseEvent *event) {
    ImGuiCanvas::mouseDoubleClickEvent(event);
    for (int row = 0; row < m_grid.rows(); ++row)
        for (int column = 0; column < m_grid.columns; ++column)
            if (const AttentionPanel *panel = panelAt(row, column);
                panel && panelRect(row, column).contains(event->position())) {
                emit headOpened(panel->block, panel->head);
                return;
            }
}

void AttentionGridCanvas::contextMenuEvent(QContextMenuEvent *event) {
    auto *menu = new QMenu(this);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    FigureExporter::addTo(*menu, *this);
    menu->popup(event->globalPos());
}

QSize AttentionGridCanvas::figureSize() const {
    return m_figure ? QSize(m_figure->preferredSize().width, m_figure->preferredSize().height) : size();
}

} // namespace qs::views
