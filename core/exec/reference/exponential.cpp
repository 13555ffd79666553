#include "core/exec/reference/exponential.h"

#include "core/exec/reference/lane_sum.h"

#include <Eigen/Core>
#include <cmath>

namespace qs {

using Doubles = Eigen::Map<Eigen::Array<double, Eigen::Dynamic, 1>>;

void exponentials(double *values, std::int64_t count, double least) {
    // Far below, Eigen gives a subnormal constant, even for -∞.
    const double lowest = std::log(least) - 1;
    for (std::int64_t i = 0; i < count; ++i)
        values[i] = values[i] < lowest ? lowest : values[i]; // NaN stays
    Doubles array(values, count);
    array = array.exp();
    for (std::int64_t i = 0; i < count; ++i)
        values[i] = values[i] < least ? 0 : values[i];
}

void softmaxRow(const double *src, double *dst, std::int64_t count) {
    const Eigen::Map<const Eigen::Array<double, Eigen::Dynamic, 1>> x(src, count);
    Doubles y(dst, count);
    y = x - x.maxCoeff();
    // The sum is at most `count`: what is kept is normal after the division, too.
    exponentials(dst, count, std::numeric_limits<double>::min() * static_cast<double>(count));
    y *= 1 / laneSum(dst, count);
}

} // namespace qs
