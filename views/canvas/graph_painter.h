#pragma once

#include "core/figure/graph_scene.h"
#include "views/canvas/graph_camera.h"

#include <QPalette>
#include <vector>

struct ImDrawList;

namespace qs::views {

/// What stands out on a graph map.
struct GraphMarks {
    int current = -1;          ///< item under the keyboard
    std::vector<int> selected; ///< items of the shared selection
    std::vector<int> matches;  ///< items that the search found
    int flagged = -1;          ///< item of the first divergence
};

/// What painting needs to know of a scene beside it; made once per scene.
struct GraphPaintData {
    explicit GraphPaintData(std::shared_ptr<const GraphScene> scene, bool dark);

    std::shared_ptr<const GraphScene> scene;
    std::vector<QRectF> lineBounds;   ///< by line
    std::vector<unsigned int> fills;  ///< by item: packed colour, 0 = no value
    std::vector<double> severities;   ///< by item: how far towards the bad end, -1 = no value
    std::vector<unsigned int> legend; ///< colours from the lowest to the highest value
};

/// Draws a graph map with no more detail than can be seen. Lives for one frame.
class GraphPainter {
public:
    GraphPainter(const GraphPaintData &data, const GraphMarks &marks, const GraphCamera &camera,
                 const QPalette &palette, ImDrawList &draw);

    void drawGraph();
    void drawLegend(double width, double height);
    /// Pixels that the legend takes at the right of a canvas; 0 without one. Within an ImGui frame.
    static double legendWidth(const GraphScene &scene, QSizeF canvas);

private:
    struct Ink {
        unsigned int text, weak, faint, line, accent, match, flag, base, block;
    };
    bool isVisible(const QRectF &units) const { return m_visible.intersects(units); }
    bool leadsRight() const;
    void drawFrames();
    void drawLines();
    void drawLine(const MapLine &line, unsigned int color, double thickness, bool curved);
    void drawArrow(const MapLine &line, unsigned int color);
    void drawBoxes();
    /// Boxes of a pixel or two: where several share a place, the worst is seen.
    void drawDots();
    void drawBox(int index);
    void drawLabel(int index, QRectF rect, unsigned int ink);
    void drawMarks();
    void drawOutline(int index, unsigned int color, float thickness, float distance);
    void drawFlag();
    QRectF rectOf(const MapItem &item) const;
    void text(double x, double y, const std::string &string, unsigned int color, double room, bool centered);

    const GraphPaintData &m_data;
    const GraphScene &m_scene;
    const GraphMarks &m_marks;
    const GraphCamera &m_camera;
    ImDrawList &m_draw;
    QRectF m_visible;
    Ink m_ink;
};

} // namespace qs::views
