#pragma once

#include "core/analysis/layer_measure.h"
#include "core/quant/method_registry.h"

#include <set>

namespace qs {

/// Quantizes one layer by a choice: weight through its method, activation grid from the capture.
///
/// \param capture   may be null when the method needs no Hessian and activations stay float
/// \param findings  receives what the method has to say about the layer
/// \error InvalidArgument  unknown method, parameters out of range, the method refuses the layer (with its
/// reason) \error NotFound         calibration is needed and missing; says for what \thread pure
Result<QuantizedLayer> quantizeLayer(const Model &model, const Layer &layer, const LayerChoice &choice,
                                     const LayerCapture *capture, const MethodRegistry &methods,
                                     std::uint64_t seed, FindingList &findings, const RunContext &ctx);

/// Whether anything in the recipe cannot do without calibration.
bool needsCalibration(const Recipe &recipe, const MethodRegistry &methods);

/// The Hessians that the methods of a recipe ask for.
std::set<HessianWish> neededHessians(const Model &model, const Recipe &recipe, const MethodRegistry &methods);

} // namespace qs
