#pragma once

#include "core/figure/figure.h"
#include "core/session/run.h"

#include <memory>

namespace qs {

/// Two bars a layer: SQNR of the weight against its quantized self, and of the layer's own output, in dB.
std::unique_ptr<Figure> makeLayerErrorFigure(std::shared_ptr<const Run> run);

} // namespace qs
