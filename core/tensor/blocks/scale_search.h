#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>

/// Searches for the scale of a few values, as ggml does them, to the bit: float32, sums in the order of the
/// elements, ties to even. \source file_formats 13.1, 13.2
namespace qs {

/// Rounds half to even; |value| <= 4194303.
inline int nearestInt(float value) {
    return static_cast<int>(std::bit_cast<std::uint32_t>(value + 12582912.0f) & 0x007FFFFFu) - 0x00400000;
}

/// Below this all values of a search count as zero.
inline constexpr float kSmallestMagnitude = 1e-15f;

/// The first element of largest magnitude, with its sign; 0 for none.
float largestSigned(std::span<const float> values);

/// What a search for scale and minimum tries: inverse scales (first + step · k + highest) / width, k =
/// 0..steps.
struct MinimumSearch {
    int highest; ///< code
    float first, step;
    int steps;
    bool absoluteError; ///< Σ w|e|, else Σ w e²
};
struct ScaleMinimum {
    float scale = 0;
    float minimum = 0; ///< subtracted, >= 0
};
/// value = scale · code − minimum with codes 0..highest.
/// \param weights  of the errors, one per value  \param codes  receives the codes of the best pair
ScaleMinimum searchMinimum(std::span<const float> values, std::span<const float> weights,
                           const MinimumSearch &search, std::uint8_t *codes);

/// value = scale · (code − half) with codes 0..2·half − 1; 19 scales around half / largest are tried, errors
/// weigh x². \param codes  receives the codes of the best
float searchSymmetric(std::span<const float> values, int half, std::uint8_t *codes);

/// The same from one scale, then code by code in up to five passes.
float refineSymmetric(std::span<const float> values, int half, std::uint8_t *codes);

/// Scale of a codebook of 16 ascending levels: 15 scales around largest / levels[0] are tried, errors weigh
/// x².
float searchCodebook(std::span<const float> values, const std::array<std::int8_t, 16> &levels);

/// Index of the nearest of 16 ascending levels; ties go up.
int nearestLevel(const std::array<std::int8_t, 16> &levels, float value);

} // namespace qs
