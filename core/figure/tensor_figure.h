#pragma once

#include "core/figure/figure.h"
#include "core/graph/layer.h"
#include "core/quant/weight_aspect.h"

namespace qs {

/// A layer's weight, its codes, their values or the errors as a map of outputs × inputs.
///
/// Weight and dequantized share one colour scale, symmetric about zero; errors have one of their own. Codes
/// take steps over the whole code range. Where several weights fall on a dot, the one of largest magnitude is
/// shown; of codes their mean.
/// \param weights  float32 [outChannels, inPerOut]
/// \param matrix   null: WeightAspect::Weight only
std::unique_ptr<Figure> makeTensorFigure(const Layer &layer, WeightAspect aspect, Tensor weights,
                                         std::shared_ptr<const QuantizedMatrix> matrix);

/// "int4 asymmetric, per group of 64": format and granularity for people.
std::string gridText(const QuantizedMatrix &matrix);

} // namespace qs
