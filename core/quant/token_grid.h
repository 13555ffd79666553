#pragma once

#include "core/numeric/integer_grid.h"
#include "core/quant/range_rule.h"
#include "core/tensor/tensor.h"

namespace qs {

/// Fake quantization with a scale for every element, t^alpha · c^(1 − alpha) / highest code: t the largest
/// |x| of the token, c of the channel, over this batch. alpha = 1 is one scale a token. A token or channel of
/// zeros stays zero; nothing is clipped. \param values         float32, at least one axis \param scheme bits
/// and rounding; symmetric conventions only \param channelsFirst  channels lie on axis 1 (convolutions, every
/// pixel is a token), else on the last \source CrossQuant, arXiv:2410.07505; methods A, A21
Tensor crossQuantize(const Tensor &values, double alpha, const GridScheme &scheme, bool channelsFirst);

} // namespace qs
