#pragma once

#include "core/figure/figure.h"
#include "views/canvas/surface_camera.h"
#include "views/canvas/surface_scene.h"

namespace qs::views {

/// The bars as a figure, from the canvas's point of view: all of it vectors. Its table holds every bar with
/// the place of its largest element. \param scene  with points;  \param heights  [rows, cols], 0..1
std::unique_ptr<Figure> makeSurfaceFigure(SurfaceScene scene, std::vector<float> heights,
                                          const SurfaceCamera &camera);

} // namespace qs::views
