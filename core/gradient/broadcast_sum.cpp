#include "core/gradient/broadcast_sum.h"

namespace qs {
namespace {

/// One axis of the gradient after neighbours that the operand walks alike were merged.
struct Axis {
    std::int64_t length = 1;
    bool summed = false; ///< the operand repeats along it
};

std::vector<Axis> mergedAxes(const Shape &gradient, const Shape &shape) {
    std::vector<Axis> axes;
    const int added = gradient.rank() - shape.rank();
    for (int axis = 0; axis < gradient.rank(); ++axis) {
        const bool summed = axis < added || shape[axis - added] != gradient[axis];
        if (gradient[axis] == 1)
            continue;
        if (!axes.empty() && axes.back().summed == summed)
            axes.back().length *= gradient[axis];
        else
            axes.push_back({gradient[axis], summed});
    }
    return axes;
}

/// Adds the elements below `level` to sums; both pointers move on as their axes do.
const float *addBelow(const std::vector<Axis> &axes, std::size_t level, const float *src, double *sums,
                      std::int64_t sumStride) {
    if (level == axes.size()) {
        *sums += *src;
        return src + 1;
    }
    const Axis &axis = axes[level];
    std::int64_t inner = sumStride;
    if (!axis.summed)
        inner /= axis.length;
    if (level + 1 == axes.size()) {
        if (axis.summed) {
            double sum = 0;
            for (std::int64_t i = 0; i < axis.length; ++i)
                sum += src[i];
            *sums += sum;
        } else
            for (std::int64_t i = 0; i < axis.length; ++i)
                sums[i] += src[i];
        return src + axis.length;
    }
    for (std::int64_t i = 0; i < axis.length; ++i)
        src = addBelow(axes, level + 1, src, sums + (axis.summed ? 0 : i * inner), inner);
    return src;
}

} // namespace

Tensor sumToShape(const Tensor &gradient, const Shape &shape) {
    if (gradient.shape() == shape)
        return gradient;
    if (gradient.numel() == shape.numel())
        return gradient.reshaped(shape);
    std::vector<double> sums(static_cast<std::size_t>(shape.numel()), 0.0);
    if (gradient.numel() > 0)
        addBelow(mergedAxes(gradient.shape(), shape), 0, gradient.values<float>().data(), sums.data(),
                 shape.numel());
    Tensor result = Tensor::allocate(DType::Float32, shape);
    const auto dst = result.mutableValues<float>();
    for (std::size_t i = 0; i < sums.size(); ++i)
        dst[i] = static_cast<float>(sums[i]);
    return result;
}

} // namespace qs
