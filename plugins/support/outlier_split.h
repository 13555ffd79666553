#pragma once

#include <algorithm>
#include <optional>
#include <vector>

namespace qs {

/// Coarse-to-fine detection of outliers: candidates lie above Q3 + 1.5 (Q3 - Q1); of these, the split into a
/// smaller and a larger part is taken that has the largest (gap between the parts)² - weight · (variance of
/// the smaller part), and the larger part are outliers. \param magnitudes  finite, >= 0, in any order \return
/// the largest magnitude that is no outlier; nothing if there are none \source CBQ, Ding et al. 2023,
/// arXiv:2312.07950; methods A, A27 (the variance is that of the smaller part)
inline std::optional<float> largestKept(std::vector<float> magnitudes, double varianceWeight) {
    if (magnitudes.size() < 2)
        return std::nullopt;
    std::sort(magnitudes.begin(), magnitudes.end());
    const auto quartile = [&](double share) {
        const double place = share * static_cast<double>(magnitudes.size() - 1);
        const auto below = static_cast<std::size_t>(place);
        const std::size_t above = std::min(below + 1, magnitudes.size() - 1);
        return magnitudes[below] +
               (place - static_cast<double>(below)) * (magnitudes[above] - magnitudes[below]);
    };
    const double threshold = quartile(0.75) + 1.5 * (quartile(0.75) - quartile(0.25));
    const auto first = std::upper_bound(magnitudes.begin(), magnitudes.end(), threshold);
    if (first == magnitudes.end() || first == magnitudes.begin())
        return std::nullopt;
    double best = -1, sum = 0, squares = 0;
    auto split = first;
    for (auto outlier = first; outlier != magnitudes.end(); ++outlier) {
        const auto kept = static_cast<double>(outlier - first);
        const double variance = kept > 0 ? std::max(0.0, squares / kept - sum / kept * (sum / kept)) : 0.0;
        const double gap = static_cast<double>(*outlier) - *(outlier - 1);
        const double measure = gap * gap - varianceWeight * variance;
        if (outlier == first || measure > best) {
            best = measure;
            split = outlier;
        }
        sum += *outlier;
        squares += static_cast<double>(*outlier) * *outlier;
    }
    // Where most are 0, the rest are no outliers: nothing would be left.
    return *(split - 1) > 0 ? std::optional(*(split - 1)) : std::nullopt;
}

} // namespace qs
