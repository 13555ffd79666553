#pragma once

#include "core/base/result.h"
#include "plugins/support/slices.h"
#include "plugins/support/solver_services.h"

#include <span>
#include <vector>

namespace qs {

struct HqqOptions {
    CodeRange range;
    RoundingMode rounding = RoundingMode::HalfEven;
    double norm = 0.7;        ///< p of the error |w - v|^p that the fit makes small, 0 < p <= 1
    double beta = 10.0;       ///< weight of the split between error and its shrunken copy, > 0
    double betaGrowth = 1.01; ///< κ: beta grows by this factor in every iteration, >= 1
    int iterations = 20;
    bool stopTogether = false; ///< all slices stop when the mean error of the layer rises (the authors' rule)
    bool float16 = false;      ///< scales and zero points are rounded to float16 before codes are made
};

struct HqqFit {
    std::vector<float> scales;     ///< [slices] > 0
    std::vector<float> zeroPoints; ///< [slices] real numbers, in code units
    std::vector<double>
        meanError; ///< [iterations run] mean |w - v| over the layer, best of each slice so far
};

/// Half-quadratic quantization: the scale of a slice spans its smallest and largest value, and the real zero
/// point moves until |w - v|^p is small. Needs no data. Of all iterations the best zero point is kept.
///
/// The authors bound 1/scale by 2e4 and give slices narrower than 1e-4 the scale 1. Both depend on the unit
/// of the weights, so here only a slice of one value gets the scale 1.
///
/// \param weights  [slices.rows, slices.cols], finite
/// \error Cancelled
/// \thread parallel over slices; the result does not depend on the thread count
/// \source Badri and Shaji 2023, Half-Quadratic Quantization; methods A, A5
Result<HqqFit> fitHqq(std::span<const float> weights, const Slices &slices, const HqqOptions &options,
                      const SolverServices &services);

/// Code of a value on a grid with a real zero point.
std::int32_t hqqCode(float value, float scale, float zeroPoint, const HqqOptions &options);

} // namespace qs
