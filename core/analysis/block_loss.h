#pragma once

#include "core/gradient/tape.h"

namespace qs {

/// Losses of block reconstruction with their gradients by `value`. Channels are axis 1 of tensors of rank 4
/// and more, else the last axis; a position is everything else. All are means over positions. \param value,
/// target  float32 of the same shape \thread pure; results do not depend on the thread count

/// Σ over channels of (value - target)², each element times its weight.
/// \param weights  float32 of the same shape, or empty: all 1
LossSeed channelErrorSeed(const Tensor &value, const Tensor &target, const Tensor &weights);

/// KL(softmax(target) ‖ softmax(value)) over channels of the outputs of a network, or KL(target ‖ value)
/// where the targets are probabilities already, see areProbabilities().
LossSeed outputKlSeed(const Tensor &value, const Tensor &target, const RunContext &ctx);

/// KL(p ‖ q) + KL(q ‖ p) of p = softmax(target), q = softmax(value).
LossSeed symmetricKlSeed(const Tensor &value, const Tensor &target, const RunContext &ctx);

/// a += b · factor, or b · factor where a is empty.
void addScaled(Tensor &sum, const Tensor &seed, double factor);

} // namespace qs
