#pragma once

#include "core/tensor/blocks/lanes.h"

#include <bit>
#include <span>

/// Searches for the scales of kLanes groups of a few values at once, as ggml does them one by one, to the
/// bit: float32, sums in the order of the elements, ties to even. \source file_formats 13.1, 13.2
namespace qs {

/// Rounds half to even; |value| <= 4194303.
inline int nearestInt(float value) {
    return static_cast<int>(std::bit_cast<std::uint32_t>(value + 12582912.0f) & 0x007FFFFFu) - 0x00400000;
}

/// Below this all values of a search count as zero.
inline constexpr float kSmallestMagnitude = 1e-15f;

/// The first element of largest magnitude, with its sign; 0 for none. \param values  a multiple of kLanes
float largestSigned(std::span<const float> values);

/// What a search for scale and minimum tries: inverse scales (first + step · k + highest) / width, k =
/// 0..steps.
struct MinimumSearch {
    int highest; ///< code
    float first, step;
    int steps;
    bool absoluteError; ///< Σ w|e|, else Σ w e²
};
struct ScaleMinima {
    float scales[kLanes];
    float minima[kLanes]; ///< subtracted, >= 0
};
/// value = scale · code − minimum with codes 0..highest.
/// \param values   of kLanes groups of 16 or 32  \param weights  of the errors, one per value
/// \param codes    receives those of the best pair
template <std::size_t Count>
void searchMinimum(const Lanes (&values)[Count], const Lanes (&weights)[Count], const MinimumSearch &search,
                   LaneInts (&codes)[Count], ScaleMinima &found);

/// value = scale · (code − half) with codes 0..2·half − 1; 19 scales around half / largest are tried, errors
/// weigh x². \param codes  receives those of the best
void searchSymmetric(const Lanes (&values)[16], int half, LaneInts (&codes)[16], float (&scales)[kLanes]);

/// The same from one scale, then code by code in up to five passes.
void refineSymmetric(const Lanes (&values)[16], int half, LaneInts (&codes)[16], float (&scales)[kLanes]);

/// Scales of the codebook kIq4Levels: 15 scales around largest / levels[0] are tried, errors weigh x².
void searchCodebook(const Lanes (&values)[32], float (&scales)[kLanes]);

/// Indices of the nearest levels of kIq4Levels; ties go up.
LaneInts nearestLevels(Lanes values);

} // namespace qs
