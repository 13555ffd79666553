#pragma once

#include "core/analysis/layer_measure.h"

#include <set>

namespace qs {

/// Quantizes one layer by a choice: weight through its method, activation grid from the capture.
///
/// \param capture   may be null when the method needs no Hessian and activations stay float
/// \param findings  receives what the method has to say about the layer
/// \error InvalidArgument  unknown method, parameters out of range, the method refuses the layer (with its
/// reason) \error NotFound         calibration is needed and missing; says for what \thread pure
Result<QuantizedLayer> quantizeLayer(const Model &model, const Layer &layer, const LayerChoice &choice,
                                     const LayerCapture *capture, const QuantizerRegistry &methods,
                                     std::uint64_t seed, FindingList &findings, const RunContext &ctx);

/// Layers whose method asks for a Hessian.
std::set<LayerId> layersThatNeedHessian(const Model &model, const Recipe &recipe,
                                        const QuantizerRegistry &methods);

} // namespace qs
