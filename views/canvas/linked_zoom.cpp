#include "views/canvas/linked_zoom.h"

#include "views/canvas/heat_map_canvas.h"

namespace qs::views {

void linkZoom(const std::vector<HeatMapCanvas *> &maps) {
    for (HeatMapCanvas *moved : maps)
        for (HeatMapCanvas *follower : maps)
            if (follower != moved)
                QObject::connect(moved, &HeatMapCanvas::viewMoved, follower, &HeatMapCanvas::showCells);
}

} // namespace qs::views
