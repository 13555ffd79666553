#pragma once

#include "core/base/result.h"
#include "core/numeric/rounding.h"

#include <cstdint>
#include <string_view>

namespace qs {

/// How a range [lo, hi] becomes a scale and a zero point.
/// \source methods of the field differ here; comparing across conventions shifts low-bit results.
enum class GridConvention {
    Asymmetric,          ///< s = (hi-lo)/(2^b-1), z = round(-lo/s), codes 0..2^b-1; range widened to hold 0
    SymmetricOffset,     ///< S1: s = 2·amax/(2^b-1), z = 2^(b-1), codes 0..2^b-1 (GPTQ, SpQR)
    SymmetricRestricted, ///< S2: s = amax/(2^(b-1)-1), z = 0, codes -(2^(b-1)-1)..2^(b-1)-1 (SmoothQuant,
                         ///< ONNX)
    SymmetricFull,       ///< S3: s = amax/2^(b-1), z = 0, codes -2^(b-1)..2^(b-1)-1
};

std::string_view gridConventionName(GridConvention convention); ///< "asymmetric", "s1", "s2", "s3"
Result<GridConvention> gridConventionFromName(std::string_view name);

/// The codes of a b-bit integer format under a convention.
struct CodeRange {
    std::int32_t lowest = 0;
    std::int32_t highest = 255;
};
inline constexpr int kMinBits = 2;
inline constexpr int kMaxBits = 16;
/// \param bits kMinBits..kMaxBits
CodeRange codeRange(int bits, GridConvention convention);

/// Scale and zero point of one slice of a tensor.
struct ScaleZero {
    float scale = 1.0f;         ///< value units per code step, > 0, finite
    std::int32_t zeroPoint = 0; ///< the code of 0.0; always within the code range
};

/// Scale and zero point for values in [lo, hi]. lo = hi = 0 gives the grid of [-1, 1], so that 0 stays 0.
/// The scale is a normal float32, also for ranges of denormals.
/// \param lo, hi          lo <= hi, finite; the asymmetric grid widens them to hold 0
/// \param scaleAsFloat16  the scale will be stored as float16: it is rounded (and clamped to [6e-8, 6.5e4])
/// here,
///                        before codes are made, so that codes and stored scale agree
/// \source Jacob et al. 2018, arXiv:1712.05877; methods A 0.3, 0.4
ScaleZero gridForRange(double lo, double hi, int bits, GridConvention convention,
                       bool scaleAsFloat16 = false);

/// Code of a finite value: clamp(round(x / s) + z, lowest, highest).
inline std::int32_t quantizeValue(float value, ScaleZero grid, CodeRange range, RoundingMode mode) {
    // In double: float x / s can land on a tie that the real quotient does not have.
    const double code = roundTo(static_cast<double>(value) / grid.scale, mode) + grid.zeroPoint;
    return static_cast<std::int32_t>(code < range.lowest    ? range.lowest
                                     : code > range.highest ? range.highest
                                                            : code);
}

/// Value of a code: s (c - z).
inline float dequantizeValue(std::int32_t code, ScaleZero grid) {
    return grid.scale * static_cast<float>(code - grid.zeroPoint);
}

} // namespace qs
