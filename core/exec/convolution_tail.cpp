#include "core/exec/convolution_tail.h"

#include <cmath>

namespace qs {
namespace {

struct Limits {
    float low, high;
    /// As Clip and Relu: NaN passes.
    float operator()(float value) const {
        const float raised = value < low ? low : value;
        return raised > high ? high : raised;
    }
};

} // namespace

bool ConvolutionTail::hasLimits() const {
    return !std::isinf(low) || !std::isinf(high);
}

void ConvolutionTail::apply(std::int64_t channel, float *values, std::int64_t count) const {
    const Limits limits{low, high};
    if (factor.empty()) {
        for (std::int64_t i = 0; hasLimits() && i < count; ++i)
            values[i] = limits(values[i]);
        return;
    }
    const float scale = factor[static_cast<std::size_t>(channel)];
    const float shift = offset[static_cast<std::size_t>(channel)];
    for (std::int64_t i = 0; i < count; ++i)
        values[i] = limits(values[i] * scale + shift); // infinite limits change nothing
}

void ConvolutionTail::apply(Tensor &tensor) const {
    const Shape &shape = tensor.shape();
    const std::int64_t plane = shape.numelBetween(2, shape.rank()), planes = shape[0] * shape[1];
    for (std::int64_t i = 0; plane > 0 && i < planes; ++i)
        apply(i % shape[1], tensor.mutableValues<float>().data() + i * plane, plane);
}

} // namespace qs
