#pragma once

#include "views/canvas/heat_map_data.h"
#include "views/canvas/imgui_canvas.h"
#include "views/canvas/surface_bars.h"
#include "views/canvas/surface_scene.h"

#include <QRectF>

namespace qs::views {

/// Bars in a box to look at from all sides. Drag or arrow keys orbit, wheel or + − zoom, F or double click
/// resets, click picks the largest element of a bar.
class SurfaceCanvas : public ImGuiCanvas {
    Q_OBJECT
public:
    explicit SurfaceCanvas(QWidget *parent = nullptr);

    /// The point of view stays.
    void setScene(SurfaceScene scene);
    const SurfaceScene &scene() const { return m_scene; }
    void setSelection(std::int64_t row, std::int64_t column);
    void reset();
    const SurfaceCamera &camera() const { return m_camera; }
    SurfaceBars bars() const;
    /// What the pointer is on; position {-1, -1} = nothing.
    HeatMapPosition probed() const { return m_probed; }
    QString probeText() const;
    /// "max of 4 × 8 cells per bar", empty when nothing is joined.
    QString reductionText() const;
    std::shared_ptr<const Figure> figure() const override;

signals:
    void cellPicked(qint64 row, qint64 column);

protected:
    void drawUi() override;
    void keyPressEvent(QKeyEvent *event) override;
    void contextMenuEvent(QContextMenuEvent *event) override;

private:
    void interact();
    void updateProbe();
    HeatMapPosition positionOf(std::int64_t bar) const;

    SurfaceScene m_scene;
    SurfaceCamera m_camera;
    std::vector<float> m_heights;
    QRectF m_plot;
    HeatMapPosition m_probed;
    std::int64_t m_probedBar = -1;
    bool m_dragged = false;
};

} // namespace qs::views
