#pragma once

#include "views/attention/attention_grid.h"
#include "views/canvas/imgui_canvas.h"

#include <QRectF>

struct ImDrawList;

namespace qs::views {

/// Draws a grid of attention maps. A click picks a head, a double click or Enter opens it; arrow keys move,
/// the wheel scrolls a grid that is too tall.
class AttentionGridCanvas : public ImGuiCanvas {
    Q_OBJECT
public:
    explicit AttentionGridCanvas(QWidget *parent = nullptr);

    void setGrid(AttentionGrid grid);
    const AttentionGrid &grid() const { return m_grid; }
    void setCurrent(int block, int head);
    /// What the grid shows, as a figure.
    void setFigure(std::shared_ptr<const Figure> figure) { m_figure = std::move(figure); }
    std::shared_ptr<const Figure> figure() const override { return m_figure; }
    QSize figureSize() const override;
    /// Where a panel lies, in widget coordinates, as of the last frame.
    QRectF panelRect(int row, int column) const;

signals:
    void headPicked(int block, int head);
    void headOpened(int block, int head);

protected:
    void drawUi() override;
    void texturesLost() override { m_textures.clear(); }
    void keyPressEvent(QKeyEvent *event) override;
    void contextMenuEvent(QContextMenuEvent *event) override;
    void mouseDoubleClickEvent(QMouseEvent *event) override;

private:
    struct Layout {
        double left = 0, top = 0, side = 1, barLeft = 0;
    };
    Layout makeLayout() const;
    bool hasDifference() const;
    const AttentionPanel *panelAt(int row, int column) const;
    TextureId texture(std::size_t panel);
    void drawPanels(ImDrawList &draw, bool hovered);
    void drawLabels(ImDrawList &draw) const;
    void drawScales(ImDrawList &draw) const;
    void move(int rows, int columns);
    void revealCurrent();

    AttentionGrid m_grid;
    std::shared_ptr<const Figure> m_figure;
    std::vector<TextureId> m_textures; ///< by panel; 0 = not made yet
    std::vector<TextureId> m_stale;    ///< to be freed in the next frame
    Layout m_layout;
    double m_scroll = 0; ///< pixels
    int m_block = -1, m_head = -1;
    int m_row = 0, m_column = 0; ///< of the current panel
};

} // namespace qs::views
