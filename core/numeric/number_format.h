#pragma once

#include "core/numeric/integer_grid.h"

#include <optional>
#include <string>
#include <vector>

namespace qs {

/// A number format of few bits: the values that its codes stand for at scale 1. What a tensor holds is
/// scale · point; see CodePoints. Formats differ in their points, never in the arithmetic around them.
struct NumberFormat {
    /// Which of two neighbouring points an exact tie goes to.
    enum class Ties {
        EvenCode,   ///< to the even code: half to even, as IEEE 754
        LowerValue, ///< to the smaller point: argmin over a sorted table
    };
    /// How a clip range [lo, hi] becomes a scale. With amax = max(|lo|, |hi|):
    enum class ScaleRule {
        IntegerGrid,  ///< gridForRange() of bits and convention: scale and zero point
        LargestPoint, ///< amax / largest |point|, float32
        PowerOfTwo,   ///< 2^(floor(log2 amax) − emax), as the shared scale of OCP microscaling blocks
    };

    std::string id;             ///< "int4-s2", "fp8-e4m3": what the command line says
    std::string title;          ///< "INT4 symmetric (s2)"
    int bits = 8;               ///< 2..8
    std::vector<double> points; ///< ascending, distinct; of integers the codes themselves
    std::vector<int> codes;     ///< of each point; bit pattern of minifloats, index of tables
    Ties ties = Ties::LowerValue;
    ScaleRule scaleRule = ScaleRule::LargestPoint;
    std::optional<GridConvention> convention; ///< of integer grids
    int emax = 0;                             ///< exponent of the largest power of two (PowerOfTwo)
    bool experimental = false;                ///< the source leaves a detail open
    std::string source;                       ///< paper or program that the points come from

    bool isInteger() const { return convention.has_value(); }
    bool hasSymmetricRange() const { return convention != GridConvention::Asymmetric; }
    double largest() const; ///< largest |point|
};

/// Every format, integers first, then minifloats, tables and shared-exponent formats.
const std::vector<NumberFormat> &builtinFormats();
/// \error InvalidArgument  no such format; names those that begin alike
Result<const NumberFormat *> findFormat(std::string_view id);
/// The integer format of a grid; nullptr beyond 8 bits.
const NumberFormat *integerFormat(int bits, GridConvention convention);

/// A format with its scale and zero point: the values that codes stand for, and where one ends and the next
/// begins. Decides exactly as quantizeValue() does for integers with half-even rounding.
///
/// A finite value takes the nearest point (ties by the format's rule); what lies beyond the ends saturates.
/// It is *clipped* when it lies beyond an end by more than half of the neighbouring gap, so that a longer
/// grid would have given it another code.
struct CodePoints {
    double scale = 1;          ///< value units per unit of NumberFormat::points; a float32
    int zeroPoint = 0;         ///< integer formats only
    std::vector<float> values; ///< ascending, as a float32 dequantizer gives them
    /// values[i + 1] is taken from starts[i] on: the smallest float32 that rounds to it. Infinity where no
    /// float32 does.
    std::vector<float> starts;
    float firstKept = 0; ///< the smallest float32 that is not clipped below
    float firstLost = 0; ///< the smallest float32 that is clipped above; infinity if none

    /// Index of the point that a value takes. ±Inf saturates. \param value  no NaN
    std::size_t nearest(float value) const;
    bool isClipped(float value) const { return value < firstKept || value >= firstLost; }
};

/// Lays a format over the clip range [lo, hi], lo <= hi, finite. Symmetric formats use the larger magnitude;
/// lo = hi = 0 gives the range [-1, 1], so that 0 stays 0.
CodePoints codePoints(const NumberFormat &format, double lo, double hi);
/// Lays an integer format over a grid that somebody else chose.
CodePoints codePoints(const NumberFormat &format, ScaleZero grid);

} // namespace qs
