#include "core/tensor/blocks/scale_search.h"

#include <algorithm>
#include <cmath>

namespace qs {
namespace {

constexpr std::size_t kMostValues = 32;

struct Sums {
    float wlx = 0, wll = 0; ///< Σ w level x, Σ w level²

    void add(float weight, float x, float level) {
        wlx += weight * x * level;
        wll += weight * level * level;
    }
    float scale() const { return wll > 0 ? wlx / wll : 0.0f; }
};

int signedCode(float value, int half) {
    return std::clamp(nearestInt(value), -half, half - 1);
}

Sums symmetricSums(std::span<const float> values, float inverse, int half) {
    Sums sums;
    for (const float x : values)
        sums.add(x * x, x, static_cast<float>(signedCode(inverse * x, half)));
    return sums;
}

/// Least squares of scale and minimum for given codes; false when the codes do not determine them.
bool fitMinimum(std::span<const float> values, std::span<const float> weights, const std::uint8_t *codes,
                float sumW, float sumX, float &scale, float &minimum) {
    float sumL = 0, sumL2 = 0, sumXL = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const auto code = static_cast<float>(codes[i]);
        sumL += weights[i] * code;
        sumL2 += weights[i] * code * code;
        sumXL += weights[i] * code * values[i];
    }
    const float determinant = sumW * sumL2 - sumL * sumL;
    if (!(determinant > 0))
        return false;
    scale = (sumW * sumXL - sumX * sumL) / determinant;
    minimum = (sumL2 * sumX - sumL * sumXL) / determinant;
    if (minimum > 0) {
        minimum = 0;
        scale = sumXL / sumL2;
    }
    return true;
}

float minimumError(std::span<const float> values, std::span<const float> weights, const std::uint8_t *codes,
                   float scale, float minimum, bool absolute) {
    float error = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const float difference = scale * static_cast<float>(codes[i]) + minimum - values[i];
        error += weights[i] * (absolute ? std::fabs(difference) : difference * difference);
    }
    return error;
}

void codesFrom(std::span<const float> values, float inverse, float minimum, int highest,
               std::uint8_t *codes) {
    for (std::size_t i = 0; i < values.size(); ++i)
        codes[i] =
            static_cast<std::uint8_t>(std::clamp(nearestInt(inverse * (values[i] - minimum)), 0, highest));
}

/// One pass over the codes of refineSymmetric; whether any changed.
bool improveCodes(std::span<const float> values, int half, std::array<int, kMostValues> &codes, Sums &sums) {
    bool changed = false;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const float x = values[i], weight = x * x;
        const auto old = static_cast<float>(codes[i]);
        Sums without{sums.wlx - weight * x * old, sums.wll - weight * old * old};
        if (!(without.wlx > 0))
            continue;
        const int code = signedCode(x * without.wll / without.wlx, half);
        if (code == codes[i])
            continue;
        without.add(weight, x, static_cast<float>(code));
        if (without.wll > 0 && without.wlx * without.wlx * sums.wll > sums.wlx * sums.wlx * without.wll) {
            codes[i] = code;
            sums = without;
            changed = true;
        }
    }
    return changed;
}

Sums codebookSums(std::span<const float> values, const std::array<std::int8_t, 16> &levels, float inverse) {
    Sums sums;
    for (const float x : values) {
        const auto level =
            static_cast<float>(levels[static_cast<std::size_t>(nearestLevel(levels, inverse * x))]);
        const float weight = x * x;
        sums.wlx += weight * level * x;
        sums.wll += weight * level * level;
    }
    return sums;
}

} // namespace

float largestSigned(std::span<const float> values) {
    float largest = 0;
    for (const float x : values)
        if (std::fabs(x) > std::fabs(largest))
            largest = x;
    return largest;
}

ScaleMinimum searchMinimum(std::span<const float> values, std::span<const float> weights,
                           const MinimumSearch &search, std::uint8_t *codes) {
    float minimum = values[0], highest = values[0], sumW = weights[0], sumX = weights[0] * values[0];
    for (std::size_t i = 1; i < values.size(); ++i) {
        minimum = std::min(minimum, values[i]);
        highest = std::max(highest, values[i]);
        sumW += weights[i];
        sumX += weights[i] * values[i];
    }
    minimum = std::min(minimum, 0.0f);
    if (highest == minimum) {
        std::fill_n(codes, values.size(), std::uint8_t{0});
        return {0, -minimum};
    }
    const float inverse = static_cast<float>(search.highest) / (highest - minimum);
    float scale = 1 / inverse;
    codesFrom(values, inverse, minimum, search.highest, codes);
    float best = minimumError(values, weights, codes, scale, minimum, search.absoluteError);
    std::array<std::uint8_t, kMostValues> trial;
    for (int k = 0; k <= search.steps; ++k) {
        const float tried =
            (search.first + search.step * static_cast<float>(k) + static_cast<float>(search.highest)) /
            (highest - minimum); // of the best minimum so far
        codesFrom(values, tried, minimum, search.highest, trial.data());
        float trialScale, trialMinimum;
        if (!fitMinimum(values, weights, trial.data(), sumW, sumX, trialScale, trialMinimum))
            continue;
        const float error =
            minimumError(values, weights, trial.data(), trialScale, trialMinimum, search.absoluteError);
        if (error < best) {
            std::copy_n(trial.data(), values.size(), codes);
            best = error;
            scale = trialScale;
            minimum = trialMinimum;
        }
    }
    return {scale, -minimum};
}

float searchSymmetric(std::span<const float> values, int half, std::uint8_t *codes) {
    const float largest = largestSigned(values);
    std::fill_n(codes, values.size(), std::uint8_t{0});
    if (std::fabs(largest) < kSmallestMagnitude)
        return 0;
    float inverse = -static_cast<float>(half) / largest;
    const Sums first = symmetricSums(values, inverse, half);
    float scale = first.scale(), best = scale * first.wlx;
    for (int k = -9; k <= 9; ++k) {
        if (k == 0)
            continue;
        const float tried = -(static_cast<float>(half) + 0.1f * static_cast<float>(k)) / largest;
        const Sums sums = symmetricSums(values, tried, half);
        if (sums.wll > 0 && sums.wlx * sums.wlx > best * sums.wll) {
            inverse = tried;
            scale = sums.wlx / sums.wll;
            best = scale * sums.wlx;
        }
    }
    for (std::size_t i = 0; i < values.size(); ++i)
        codes[i] = static_cast<std::uint8_t>(half + signedCode(inverse * values[i], half));
    return scale;
}

float refineSymmetric(std::span<const float> values, int half, std::uint8_t *codes) {
    const float largest = largestSigned(values);
    std::fill_n(codes, values.size(), std::uint8_t{0});
    if (std::fabs(largest) < kSmallestMagnitude)
        return 0;
    const float inverse = -static_cast<float>(half) / largest;
    std::array<int, kMostValues> trial;
    Sums sums;
    for (std::size_t i = 0; i < values.size(); ++i) {
        trial[i] = signedCode(inverse * values[i], half);
        sums.add(values[i] * values[i], values[i], static_cast<float>(trial[i]));
    }
    for (int pass = 0; pass < 5; ++pass)
        if (!improveCodes(values, half, trial, sums))
            break;
    for (std::size_t i = 0; i < values.size(); ++i)
        codes[i] = static_cast<std::uint8_t>(half + trial[i]);
    return sums.scale();
}

float searchCodebook(std::span<const float> values, const std::array<std::int8_t, 16> &levels) {
    const float largest = largestSigned(values);
    if (std::fabs(largest) < kSmallestMagnitude)
        return 0;
    const auto lowest = static_cast<float>(levels[0]);
    const Sums first = codebookSums(values, levels, 1 / (-largest / lowest));
    float scale = first.wlx / first.wll, best = scale * first.wlx;
    for (int k = -7; k <= 7; ++k) {
        const Sums sums = codebookSums(values, levels, (static_cast<float>(k) + lowest) / largest);
        if (sums.wll > 0 && sums.wlx * sums.wlx > best * sums.wll) {
            scale = sums.wlx / sums.wll;
            best = scale * sums.wlx;
        }
    }
    return scale;
}

int nearestLevel(const std::array<std::int8_t, 16> &levels, float value) {
    if (!(value > levels.front()))
        return 0;
    if (value >= levels.back())
        return 15;
    const auto above = std::upper_bound(levels.begin(), levels.end(), value);
    const auto below = above - 1;
    return static_cast<int>((value - *below < *above - value ? below : above) - levels.begin());
}

} // namespace qs
