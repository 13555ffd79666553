#include "core/tensor/blocks/scale_search.h"

#include "core/tensor/blocks/block_layouts.h"

#include <algorithm>
#include <cmath>

namespace qs {
namespace {

Lanes largestLanes(const Lanes *values, std::size_t count) {
    Lanes largest{};
    for (std::size_t i = 0; i < count; ++i)
        largest = magnitude(values[i]) > magnitude(largest) ? values[i] : largest;
    return largest;
}

struct Sums {
    Lanes wlx{}, wll{}; ///< Σ w level x, Σ w level²
};

LaneInts signedCodes(Lanes values, int half) {
    return clampInts(nearestInts(values), -half, half - 1);
}

Sums symmetricSums(const Lanes *values, std::size_t count, Lanes inverse, int half) {
    Sums sums;
    for (std::size_t i = 0; i < count; ++i) {
        const Lanes x = values[i], weight = x * x, level = toFloats(signedCodes(inverse * x, half));
        sums.wlx += weight * x * level;
        sums.wll += weight * level * level;
    }
    return sums;
}

/// Scale and minimum of each lane, and how far the codes are off.
struct Fit {
    Lanes scale, minimum, error;
    LaneInts known; ///< the codes determine scale and minimum
};

/// Codes for tried inverse scales, and what least squares make of them.
Fit fitMinimum(const Lanes *values, const Lanes *weights, std::size_t count, Lanes tried, Lanes minimum,
               Lanes sumW, Lanes sumX, const MinimumSearch &search, LaneInts *codes) {
    Lanes sumL{}, sumL2{}, sumXL{};
    for (std::size_t i = 0; i < count; ++i) {
        codes[i] = clampInts(nearestInts(tried * (values[i] - minimum)), 0, search.highest);
        const Lanes code = toFloats(codes[i]);
        sumL += weights[i] * code;
        sumL2 += weights[i] * code * code;
        sumXL += weights[i] * code * values[i];
    }
    const Lanes determinant = sumW * sumL2 - sumL * sumL;
    Fit fit;
    fit.known = determinant > 0;
    fit.scale = (sumW * sumXL - sumX * sumL) / determinant;
    fit.minimum = (sumL2 * sumX - sumL * sumXL) / determinant;
    fit.scale = fit.minimum > 0 ? sumXL / sumL2 : fit.scale;
    fit.minimum = fit.minimum > 0 ? Lanes{} : fit.minimum;
    return fit;
}

Lanes minimumError(const Lanes *values, const Lanes *weights, std::size_t count, const LaneInts *codes,
                   Lanes scale, Lanes minimum, bool absolute) {
    Lanes error{};
    for (std::size_t i = 0; i < count; ++i) {
        const Lanes difference = scale * toFloats(codes[i]) + minimum - values[i];
        error += weights[i] * (absolute ? magnitude(difference) : difference * difference);
    }
    return error;
}

/// One pass over the codes of refineSymmetric; whether any changed.
bool improveCodes(const Lanes *values, std::size_t count, int half, LaneInts *codes, Sums &sums) {
    LaneInts changed{};
    for (std::size_t i = 0; i < count; ++i) {
        const Lanes x = values[i], weight = x * x, old = toFloats(codes[i]);
        Sums next{sums.wlx - weight * x * old, sums.wll - weight * old * old};
        const LaneInts code = signedCodes(x * next.wll / next.wlx, half);
        LaneInts better = (next.wlx > 0) & (code != codes[i]);
        const Lanes level = toFloats(code);
        next.wlx += weight * x * level;
        next.wll += weight * level * level;
        better &= (next.wll > 0) & (next.wlx * next.wlx * sums.wll > sums.wlx * sums.wlx * next.wll);
        codes[i] = better ? code : codes[i];
        sums.wlx = better ? next.wlx : sums.wlx;
        sums.wll = better ? next.wll : sums.wll;
        changed |= better;
    }
    return anyOf(changed);
}

/// Halfway between neighbours of kIq4Levels: a value there belongs to the upper one. Near these places the
/// distances to both neighbours are exact, so that comparing with them gives what comparing distances does.
constexpr std::array<float, 15> kHalfways = [] {
    std::array<float, 15> places{};
    for (std::size_t i = 0; i < places.size(); ++i)
        places[i] = static_cast<float>(kIq4Levels[i] + kIq4Levels[i + 1]) / 2;
    return places;
}();

Lanes levelsNear(Lanes values) {
    LaneInts level = LaneInts{} + kIq4Levels[0];
    for (std::size_t i = 0; i < kHalfways.size(); ++i)
        level += (values >= kHalfways[i]) & (kIq4Levels[i + 1] - kIq4Levels[i]);
    return toFloats(level);
}

Sums codebookSums(const Lanes *values, std::size_t count, Lanes inverse) {
    Sums sums;
    for (std::size_t i = 0; i < count; ++i) {
        const Lanes x = values[i], level = levelsNear(inverse * x), weight = x * x;
        sums.wlx += weight * level * x;
        sums.wll += weight * level * level;
    }
    return sums;
}

void store(Lanes values, float (&dst)[kLanes]) {
    std::memcpy(dst, &values, sizeof values);
}

} // namespace

float largestSigned(std::span<const float> values) {
    Lanes least{}, most{};
    for (std::size_t i = 0; i < values.size(); i += kLanes) {
        const Lanes some = loadLanes(values.data() + i);
        least = some < least ? some : least;
        most = some > most ? some : most;
    }
    const float low = leastOf(least), high = largestOf(most);
    if (high != -low)
        return high > -low ? high : low;
    const auto first =
        std::find_if(values.begin(), values.end(), [high](float value) { return std::fabs(value) == high; });
    return high > 0 ? *first : 0.0f;
}

template <std::size_t Count>
void searchMinimum(const Lanes (&values)[Count], const Lanes (&weights)[Count], const MinimumSearch &search,
                   LaneInts (&codes)[Count], ScaleMinima &found) {
    Lanes minimum = values[0], highest = values[0], sumW = weights[0], sumX = weights[0] * values[0];
    for (std::size_t i = 1; i < Count; ++i) {
        minimum = values[i] < minimum ? values[i] : minimum;
        highest = values[i] > highest ? values[i] : highest;
        sumW += weights[i];
        sumX += weights[i] * values[i];
    }
    minimum = minimum > 0 ? Lanes{} : minimum;
    const LaneInts flat = highest == minimum;
    const Lanes flatMinimum = minimum, inverse = static_cast<float>(search.highest) / (highest - minimum);
    Lanes scale = 1 / inverse;
    for (std::size_t i = 0; i < Count; ++i)
        codes[i] = clampInts(nearestInts(inverse * (values[i] - minimum)), 0, search.highest);
    Lanes best = minimumError(values, weights, Count, codes, scale, minimum, search.absoluteError);
    LaneInts trial[Count];
    for (int k = 0; k <= search.steps; ++k) {
        const Lanes tried =
            (search.first + search.step * static_cast<float>(k) + static_cast<float>(search.highest)) /
            (highest - minimum); // of the best minimum so far
        const Fit fit = fitMinimum(values, weights, Count, tried, minimum, sumW, sumX, search, trial);
        const Lanes error =
            minimumError(values, weights, Count, trial, fit.scale, fit.minimum, search.absoluteError);
        const LaneInts better = fit.known & (error < best);
        if (!anyOf(better))
            continue;
        for (std::size_t i = 0; i < Count; ++i)
            codes[i] = better ? trial[i] : codes[i];
        best = better ? error : best;
        scale = better ? fit.scale : scale;
        minimum = better ? fit.minimum : minimum;
    }
    for (std::size_t i = 0; i < Count; ++i)
        codes[i] = flat ? LaneInts{} : codes[i];
    store(flat ? Lanes{} : scale, found.scales);
    store(-(flat ? flatMinimum : minimum), found.minima);
}

template void searchMinimum(const Lanes (&)[16], const Lanes (&)[16], const MinimumSearch &, LaneInts (&)[16],
                            ScaleMinima &);
template void searchMinimum(const Lanes (&)[32], const Lanes (&)[32], const MinimumSearch &, LaneInts (&)[32],
                            ScaleMinima &);

void searchSymmetric(const Lanes (&values)[16], int half, LaneInts (&codes)[16], float (&scales)[kLanes]) {
    const Lanes largest = largestLanes(values, 16);
    const LaneInts isZero = magnitude(largest) < kSmallestMagnitude;
    Lanes inverse = -static_cast<float>(half) / largest;
    const Sums first = symmetricSums(values, 16, inverse, half);
    Lanes scale = first.wll > 0 ? first.wlx / first.wll : Lanes{}, best = scale * first.wlx;
    for (int k = -9; k <= 9; ++k) {
        if (k == 0)
            continue;
        const Lanes tried = -(static_cast<float>(half) + 0.1f * static_cast<float>(k)) / largest;
        const Sums sums = symmetricSums(values, 16, tried, half);
        const LaneInts better = (sums.wll > 0) & (sums.wlx * sums.wlx > best * sums.wll);
        inverse = better ? tried : inverse;
        scale = better ? sums.wlx / sums.wll : scale;
        best = better ? scale * sums.wlx : best;
    }
    for (std::size_t i = 0; i < 16; ++i)
        codes[i] = isZero ? LaneInts{} : half + signedCodes(inverse * values[i], half);
    store(isZero ? Lanes{} : scale, scales);
}

void refineSymmetric(const Lanes (&values)[16], int half, LaneInts (&codes)[16], float (&scales)[kLanes]) {
    const Lanes largest = largestLanes(values, 16);
    const LaneInts isZero = magnitude(largest) < kSmallestMagnitude;
    const Lanes inverse = -static_cast<float>(half) / largest;
    for (std::size_t i = 0; i < 16; ++i)
        codes[i] = signedCodes(inverse * values[i], half);
    Sums sums = symmetricSums(values, 16, inverse, half);
    // A lane that a pass does not change stays as it is in the next.
    for (int pass = 0; pass < 5; ++pass)
        if (!improveCodes(values, 16, half, codes, sums))
            break;
    for (LaneInts &code : codes)
        code = isZero ? LaneInts{} : half + code;
    store(isZero | ~(sums.wll > 0) ? Lanes{} : sums.wlx / sums.wll, scales);
}

void searchCodebook(const Lanes (&values)[32], float (&scales)[kLanes]) {
    const Lanes largest = largestLanes(values, 32);
    const LaneInts isZero = magnitude(largest) < kSmallestMagnitude;
    const auto lowest = static_cast<float>(kIq4Levels[0]);
    const Sums first = codebookSums(values, 32, 1 / (-largest / lowest));
    Lanes scale = first.wlx / first.wll, best = scale * first.wlx;
    for (int k = -7; k <= 7; ++k) {
        const Sums sums = codebookSums(values, 32, (static_cast<float>(k) + lowest) / largest);
        const LaneInts better = (sums.wll > 0) & (sums.wlx * sums.wlx > best * sums.wll);
        scale = better ? sums.wlx / sums.wll : scale;
        best = better ? scale * sums.wlx : best;
    }
    store(isZero ? Lanes{} : scale, scales);
}

LaneInts nearestLevels(Lanes values) {
    LaneInts index{};
    for (const float halfway : kHalfways)
        index -= values >= halfway;
    return index;
}

} // namespace qs
