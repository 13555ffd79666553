#include "core/tensor/permute_axes.h"

#include <cstring>

namespace qs {

Tensor permuteAxes(const Tensor &stored, const std::vector<int> &order) {
    std::vector<std::int64_t> dims, strides;
    for (const int axis : order) {
        dims.push_back(stored.shape()[axis]);
        strides.push_back(stored.shape().strides()[static_cast<std::size_t>(axis)]);
    }
    Tensor result = Tensor::allocate(stored.dtype(), Shape(dims));
    const auto bytes = static_cast<std::size_t>(dtypeBits(stored.dtype()) / 8);
    std::vector<std::int64_t> index(dims.size(), 0);
    std::int64_t place = 0;
    for (std::int64_t i = 0; i < result.numel(); ++i) {
        std::memcpy(result.mutableBytes() + static_cast<std::size_t>(i) * bytes,
                    stored.bytes() + static_cast<std::size_t>(place) * bytes, bytes);
        for (std::size_t axis = dims.size(); axis-- > 0;) {
            place += strides[axis];
            if (++index[axis] < dims[axis])
                break;
            place -= strides[axis] * dims[axis];
            index[axis] = 0;
        }
    }
    return result;
}

} // namespace qs
