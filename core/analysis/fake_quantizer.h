#pragma once

#include "core/gradient/tape.h"
#include "core/quant/block_method.h"

namespace qs {

/// 64 random bits, a pure function of seed and index.
std::uint64_t randomBitsAt(std::uint64_t seed, std::uint64_t index);

/// Element i of `first` with chance `share`, else of `second`; which one depends on seed and i only.
/// \param first, second  float32 of the same shape
Tensor mixElements(const Tensor &first, const Tensor &second, double share, std::uint64_t seed);

/// Fake quantization of an activation with a step size that can be learned.
struct StepQuantizer {
    BlockActivation grid; ///< the scale is the step
    double share = 1;     ///< chance of an element to be quantized
    std::uint64_t seed = 0;

    /// \param values  float32
    Tensor apply(const Tensor &values, const RunContext &ctx) const;
    /// Straight-through inside the range, 0 outside; dropped elements pass everything.
    /// \param stepGradient  receives dLoss/dStep: round(v) - v inside the range, the end's distance from the
    ///                      zero point outside, v = value / step
    /// \source Esser et al. 2020, arXiv:1902.08153, eq. 3
    Tensor pullBack(const Tensor &values, const Tensor &gradient, double &stepGradient,
                    const RunContext &ctx) const;

private:
    bool isQuantized(std::int64_t element) const;
};

} // namespace qs
