#pragma once

#include "core/exec/reference/lane_sum.h"

#include <Eigen/Core>
#include <limits>

namespace qs {

/// e^x over an array, 0 where that is below `least`, which is at least the smallest normal number. Beneath
/// that Eigen gives a constant, 2.9e-39 even for -∞, and products of such numbers take some processors a
/// hundred cycles. \param values  x, replaced by e^x
void exponentials(float *values, std::int64_t count, float least = std::numeric_limits<float>::min());
void exponentials(double *values, std::int64_t count, double least = std::numeric_limits<double>::min());

/// Weights e^(x - max x) / Σ that sum to 1; those below count · the smallest normal number are 0.
/// \param dst  [count]; may be src
template <typename T>
void softmaxRow(const T *src, T *dst, std::int64_t count) {
    const Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>> x(src, count);
    Eigen::Map<Eigen::Array<T, Eigen::Dynamic, 1>> y(dst, count);
    y = x - x.maxCoeff();
    // The sum is at most `count`: what is kept is normal after the division, too.
    exponentials(dst, count, std::numeric_limits<T>::min() * static_cast<T>(count));
    y *= static_cast<T>(1 / laneSum(dst, count));
}

} // namespace qs
