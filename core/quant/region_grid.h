#pragma once

#include "core/numeric/rounding.h"
#include "core/tensor/histogram.h"
#include "core/tensor/tensor.h"

namespace qs {

/// A grid in two regions for activations with a long positive and a short negative tail, as behind GELU: one
/// bit of a code says the region, the others the magnitude. Values from 0 on lie on multiples 0 .. 2^(bits-1)
/// - 1 of step, those below 0 on multiples -2^(bits-1) .. 0 of step / 2^shift. \source MPTQ-ViT, Tai et al.
/// 2024, arXiv:2401.14895 (OPT-m), in our reading; methods A, A8
struct RegionGrid {
    float step = 1; ///< of values from 0 on; positive
    int shift = 0;  ///< 0 .. kMaxRegionShift

    float negativeStep() const { return step / static_cast<float>(1 << shift); }
    bool operator==(const RegionGrid &) const = default;
};

inline constexpr int kMaxRegionShift = 8;

/// The grid that a search chose, beside the error of the best plain asymmetric grid of as many bits.
struct RegionChoice {
    RegionGrid grid;
    double squaredError = 0;      ///< mean over the histogram
    double plainSquaredError = 0; ///< the better of the min-max range and the range with the smallest error
};

/// Step and shift with the smallest mean squared error: shifts 0..8, steps a · max / (2^(bits-1) - 1) with
/// a = 0.30, 0.31 .. 1.00.
/// \param histogram  of the activation; at least one value;  lo, hi  its exact range
/// \param bits       2..8
RegionChoice chooseRegions(const Histogram &histogram, double lo, double hi, int bits, RoundingMode rounding);

/// Fake quantization: dequantize(quantize(x)). \param values  float32
Tensor regionQuantize(const Tensor &values, const RegionGrid &grid, int bits, RoundingMode rounding);

} // namespace qs
