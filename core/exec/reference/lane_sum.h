#pragma once

#include <cstdint>

namespace qs {

/// Σ fn(x[i]) in double, in eight lanes that are added at the end: the loop vectorises and the order never
/// varies.
template <typename T, typename Fn>
double laneSum(const T *x, std::int64_t count, const Fn &fn) {
    constexpr std::int64_t kLanes = 8;
    double lanes[kLanes] = {};
    std::int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes)
        for (std::int64_t lane = 0; lane < kLanes; ++lane)
            lanes[lane] += fn(static_cast<double>(x[i + lane]));
    double sum = 0;
    for (const double lane : lanes)
        sum += lane;
    for (; i < count; ++i)
        sum += fn(static_cast<double>(x[i]));
    return sum;
}

template <typename T>
double laneSum(const T *x, std::int64_t count) {
    return laneSum(x, count, [](double value) { return value; });
}

template <typename T>
double laneVariance(const T *x, std::int64_t count, double mean) {
    return laneSum(x, count, [mean](double value) { return (value - mean) * (value - mean); }) /
           static_cast<double>(count);
}

} // namespace qs
