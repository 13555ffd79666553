#pragma once

#include "core/exec/kernel.h"

#include <array>

namespace qs {

/// How a window slides over up to three spatial axes. Missing leading axes have size 1, so a 2-D image is a
/// 3-D one of depth 1.
struct WindowPlan {
    std::array<std::int64_t, 3> src{1, 1, 1}, dst{1, 1, 1}, kernel{1, 1, 1}, stride{1, 1, 1},
        dilation{1, 1, 1};
    std::array<std::int64_t, 3> padBegin{0, 0, 0}, padEnd{0, 0, 0};

    std::int64_t srcSize() const { return src[0] * src[1] * src[2]; }
    std::int64_t dstSize() const { return dst[0] * dst[1] * dst[2]; }
    std::int64_t kernelSize() const { return kernel[0] * kernel[1] * kernel[2]; }
    /// Source coordinate that kernel position k reads for output position o; may lie in the padding.
    std::int64_t at(int axis, std::int64_t o, std::int64_t k) const {
        const auto a = static_cast<std::size_t>(axis);
        return o * stride[a] - padBegin[a] + k * dilation[a];
    }
    /// First and one past the last output position for which kernel position k reads no padding.
    std::pair<std::int64_t, std::int64_t> inside(int axis, std::int64_t k) const;
};

/// The attributes that convolutions and poolings share.
struct WindowAttributes {
    std::vector<std::int64_t> kernel, strides, dilations, pads; ///< empty where absent
    std::string autoPad = "NOTSET";
    bool ceilMode = false;

    /// \error Unsupported  an auto_pad that does not exist, more than three spatial axes, numbers out of
    /// range
    static Result<WindowAttributes> read(NodeReader &reader);
    /// \param src, kernel  sizes of the spatial axes, one to three
    /// \error InvalidArgument  ranks differ or the window is larger than the padded source
    Result<WindowPlan> plan(std::span<const std::int64_t> src, std::span<const std::int64_t> window) const;
};

/// [N, C, spatial…] with other spatial sizes, taken from the plan.
Shape windowResultShape(const Shape &src, std::int64_t channels, const WindowPlan &plan);

} // namespace qs
