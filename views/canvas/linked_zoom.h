#pragma once

#include <vector>

namespace qs::views {

class HeatMapCanvas;

/// Makes maps show the same cells: when the user moves or zooms one, the others follow. For maps of the same
/// size; each keeps its own pixels per cell.
void linkZoom(const std::vector<HeatMapCanvas *> &maps);

} // namespace qs::views
