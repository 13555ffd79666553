#include "core/exec/reference/exponential.h"

#include <cmath>

namespace qs {
namespace {

template <typename T>
void replaceByExponentials(T *values, std::int64_t count, T least) {
    const T lowest = std::log(least) - 1;
    for (std::int64_t i = 0; i < count; ++i)
        values[i] = values[i] < lowest ? lowest : values[i]; // NaN stays
    Eigen::Map<Eigen::Array<T, Eigen::Dynamic, 1>> array(values, count);
    array = array.exp();
    for (std::int64_t i = 0; i < count; ++i)
        values[i] = values[i] < least ? T(0) : values[i];
}

} // namespace

void exponentials(float *values, std::int64_t count, float least) {
    replaceByExponentials(values, count, least);
}

void exponentials(double *values, std::int64_t count, double least) {
    replaceByExponentials(values, count, least);
}

} // namespace qs
