#pragma once

#include <cstdint>
#include <limits>

namespace qs {

/// e^x over an array, 0 where that is below `least`, which is at least the smallest normal number: products
/// of smaller ones take some processors a hundred cycles. \param values  x, replaced by e^x
void exponentials(float *values, std::int64_t count, float least = std::numeric_limits<float>::min());
void exponentials(double *values, std::int64_t count, double least = std::numeric_limits<double>::min());

/// Weights e^(x - max x) / Σ that sum to 1; those below count · the smallest normal number are 0.
/// \param dst  [count]; may be src
void softmaxRow(const float *src, float *dst, std::int64_t count);
void softmaxRow(const double *src, double *dst, std::int64_t count);

} // namespace qs
