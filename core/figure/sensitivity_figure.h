#pragma once

#include "core/analysis/sensitivity.h"
#include "core/figure/figure.h"

#include <memory>

namespace qs {

/// Layers × bits as a heat table of one metric; what hurts most stands out most from the background.
std::unique_ptr<Figure> makeSensitivityFigure(std::shared_ptr<const Model> model,
                                              std::shared_ptr<const SensitivityTable> table, Metric metric);

} // namespace qs
