#pragma once

#include "views/canvas/graph_camera.h"
#include "views/canvas/graph_painter.h"
#include "views/canvas/imgui_canvas.h"

#include <functional>

namespace qs::views {

/// A graph to look at and walk through. Wheel zooms at the pointer, drag pans, click picks, double click
/// opens or closes a block. Keys: arrows in the direction of the drawing follow edges,
/// those across it go to neighbours, + − zoom, F fits, Enter opens or closes, Home and End go to the ends.
class GraphCanvas : public ImGuiCanvas {
    Q_OBJECT
public:
    explicit GraphCanvas(QWidget *parent = nullptr);

    /// Shows a scene. Another model starts over; the same one keeps scale and place, with `anchor` (a block
    /// that was opened or closed) where it was.
    void setScene(std::shared_ptr<const GraphScene> scene, BlockId anchor = kWholeGraph);
    const std::shared_ptr<const GraphScene> &scene() const { return m_scene; }
    void setCurrent(int item); ///< the item under the keyboard; -1 = none. Does not move the view
    void reveal(int item);     ///< moves as little as needed
    void centerOn(int item);   ///< unless everything is seen
    int current() const { return m_marks.current; }
    void setSelected(std::vector<int> items);
    void setMatches(std::vector<int> items);
    void setFlagged(int item);
    const GraphMarks &marks() const { return m_marks; }
    /// Makes the text that is shown beside the pointer.
    void setProbe(std::function<QString(int item)> probe) { m_probe = std::move(probe); }

    void fit();
    void zoomBy(double factor);
    const GraphCamera &camera() const { return m_camera; }
    /// The box at a pixel, or else the frame, or -1.
    int itemAt(QPointF pixel) const;
    std::shared_ptr<const Figure>
    figure() const override; ///< of the whole graph, with its blocks as they are
    QSize figureSize() const override;
    bool needsItsSize() const override { return true; }

signals:
    void itemPicked(int item);   ///< by click or walking
    void toggleWanted(int item); ///< open a block, or close the one around
    void menuWanted(int item, const QPoint &globalPosition);

protected:
    void drawUi() override;
    void keyPressEvent(QKeyEvent *event) override;
    void contextMenuEvent(QContextMenuEvent *event) override;
    void changeEvent(QEvent *event) override;
    bool event(QEvent *event) override;

private:
    void interact();
    void showProbe(int item);
    void walkTo(int item);
    bool leadsRight() const;
    double along(const MapItem &item) const; ///< the middle, in the direction of edges
    double across(const MapItem &item) const;
    int nextAlongEdges(bool forwards) const;
    int nextInRank(bool forwards) const;
    int firstOrLast(bool last) const;

    std::shared_ptr<const GraphScene> m_scene;
    std::unique_ptr<GraphPaintData> m_paint;
    GraphMarks m_marks;
    GraphCamera m_camera;
    std::function<QString(int)> m_probe;
    int m_probed = -1;
    std::string m_probeText;
    bool m_dragged = false;
    bool m_startPending = false; ///< a new model waits for the first known size
};

} // namespace qs::views
