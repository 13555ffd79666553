#pragma once

#include "core/figure/figure.h"
#include "core/figure/graph_scene.h"

namespace qs {

/// The graph with its blocks, coloured by the scene's metric.
std::unique_ptr<Figure> makeGraphFigure(std::shared_ptr<const GraphScene> scene);

} // namespace qs
