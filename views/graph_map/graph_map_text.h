#pragma once

#include "core/figure/graph_scene.h"

#include <QString>

namespace qs::views {

/// All that is known of an item, in lines: for tooltips and screen readers.
QString describeItem(const GraphScene &scene, const NodeMetricSources &sources, int item);

/// "First below 20 dB: /m/…/MatMul (MatMul): SQNR 11.2 dB; own 11.2 dB, inherited exact: most of it is its
/// own."
QString describeDivergence(const Model &model, const ErrorPropagation &errors, double thresholdDb);

} // namespace qs::views
