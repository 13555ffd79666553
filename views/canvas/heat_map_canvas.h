#pragma once

#include "views/canvas/heat_map_scene.h"
#include "views/canvas/heat_map_tiles.h"
#include "views/canvas/imgui_canvas.h"
#include "views/canvas/pan_zoom.h"
#include "views/canvas/tile_cache.h"

#include <QElapsedTimer>

struct ImDrawList;

namespace qs::views {

/// A zoomable map of values with axes, colour bar and probe. Wheel zooms at the pointer (Ctrl: columns only,
/// Shift: rows only), drag pans, double click fits; keys +, -, F and arrows do the same.
class HeatMapCanvas : public ImGuiCanvas {
    Q_OBJECT
public:
    explicit HeatMapCanvas(QWidget *parent = nullptr);

    /// Shows a scene; new data starts fitted, the same data keeps the view.
    void setScene(HeatMapScene scene);
    const HeatMapScene &scene() const { return m_scene; }
    void setSelection(std::int64_t row, std::int64_t column);

    /// Shows these columns (x) and rows (y) without telling.
    void showCells(const QRectF &cells);
    QRectF shownCells() const;
    void fit();
    void zoomBy(double factor);
    /// What the pointer is on, empty outside the cells.
    const HeatMapProbe &probe() const { return m_probe; }
    /// Pixel rectangle of the cells, in widget coordinates, as of the last frame.
    QRectF plotRect() const { return m_plot; }
    const PanZoom &panZoom() const { return m_zoom; }
    /// Whether the last frame showed every cell; large maps arrive over a few frames, coarse first.
    bool isComplete() const { return m_complete; }
    /// Of what is seen, zoomed as it is.
    std::shared_ptr<const Figure> figure() const override;

signals:
    /// A cell was clicked; of joined cells it is the extreme one.
    void cellPicked(qint64 row, qint64 column);
    void viewMoved(const QRectF &cells); ///< the user did, see shownCells()

protected:
    void drawUi() override;
    void texturesLost() override { m_tiles.forget(); }
    void keyPressEvent(QKeyEvent *event) override;
    void contextMenuEvent(QContextMenuEvent *event) override;

private:
    void interact();
    void tellMoved(); ///< queued: a slot may want to change this very canvas
    void updateProbe(double x, double y);
    void drawTiles(ImDrawList &draw);
    std::vector<TileKey> visibleTiles() const;
    /// The tile, painted as far as the time of this frame allows; 0 when it is not finished yet.
    TextureId tile(const TileKey &key);
    void drawTile(ImDrawList &draw, const TileKey &key, TextureId texture) const;
    void drawProbe();

    HeatMapScene m_scene;
    PanZoom m_zoom;
    QRectF m_plot;
    HeatMapProbe m_probe;
    TileCache m_tiles;
    std::optional<TilePainter> m_painter; ///< the tile that was not finished in time
    QElapsedTimer m_frameTimer;
    std::uint64_t m_style = 1;
    bool m_dragged = false;
    bool m_complete = false;
};

} // namespace qs::views
