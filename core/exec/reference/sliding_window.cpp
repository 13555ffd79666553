#include "core/exec/reference/sliding_window.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace qs {
namespace {

// Far beyond any real window, and small enough that products of three of them cannot overflow.
constexpr std::int64_t kLargest = 1 << 20;
// Sizes can be operands, not only those of tensors that exist.
constexpr std::int64_t kLongestAxis = std::int64_t{1} << 40;

bool allWithin(const std::vector<std::int64_t> &values, std::int64_t low) {
    return std::all_of(values.begin(), values.end(),
                       [low](std::int64_t v) { return v >= low && v <= kLargest; });
}

std::int64_t valueOr(const std::vector<std::int64_t> &values, std::size_t index, std::int64_t fallback) {
    return values.empty() ? fallback : values[index];
}

/// Padding so that the output has ceil(src / stride) positions; the odd one goes to the end or the beginning.
void padToSame(WindowPlan &plan, std::size_t axis, bool extraAtEnd) {
    const std::int64_t reach = (plan.kernel[axis] - 1) * plan.dilation[axis] + 1;
    const std::int64_t dst = (plan.src[axis] + plan.stride[axis] - 1) / plan.stride[axis];
    const std::int64_t total =
        std::max<std::int64_t>(0, (dst - 1) * plan.stride[axis] + reach - plan.src[axis]);
    plan.padBegin[axis] = extraAtEnd ? total / 2 : total - total / 2;
    plan.padEnd[axis] = total - plan.padBegin[axis];
}

} // namespace

std::pair<std::int64_t, std::int64_t> WindowPlan::inside(int axis, std::int64_t k) const {
    const auto a = static_cast<std::size_t>(axis);
    const std::int64_t shift = at(axis, 0, k), reachable = src[a] - shift;
    return {shift >= 0 ? 0 : (-shift + stride[a] - 1) / stride[a],
            std::min(dst[a], reachable <= 0 ? 0 : (reachable + stride[a] - 1) / stride[a])};
}

Result<WindowAttributes> WindowAttributes::read(NodeReader &reader) {
    const auto ints = [&](const char *name) {
        return reader.intsAttribute(name).value_or(std::vector<std::int64_t>{});
    };
    WindowAttributes result;
    result.kernel = ints("kernel_shape");
    result.strides = ints("strides");
    result.dilations = ints("dilations");
    result.pads = ints("pads");
    result.autoPad = reader.stringAttribute("auto_pad", "NOTSET");
    for (const char *known : {"NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"})
        if (result.autoPad == known) {
            if (!allWithin(result.kernel, 1) || !allWithin(result.strides, 1) ||
                !allWithin(result.dilations, 1) || !allWithin(result.pads, 0))
                return fail(ErrorCode::Unsupported, "window sizes out of range (negative padding included)");
            return result;
        }
    return fail(ErrorCode::Unsupported, "auto_pad='" + result.autoPad + "'");
}

Result<WindowPlan> WindowAttributes::plan(std::span<const std::int64_t> src,
                                          std::span<const std::int64_t> window) const {
    const std::size_t axes = src.size();
    const auto fits = [axes](const std::vector<std::int64_t> &values, std::size_t factor) {
        return values.empty() || values.size() == factor * axes;
    };
    if (axes < 1 || axes > 3 || window.size() != axes || !fits(kernel, 1) || !fits(strides, 1) ||
        !fits(dilations, 1) || !fits(pads, 2))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{} spatial axes (1 to 3 can be handled) do not fit the attributes", axes));
    WindowPlan plan;
    for (std::size_t i = 0; i < axes; ++i) {
        const std::size_t a = 3 - axes + i;
        if (src[i] < 0 || src[i] > kLongestAxis)
            return fail(ErrorCode::InvalidArgument, fmt::format("an axis of {} elements", src[i]));
        plan.src[a] = src[i];
        plan.kernel[a] = window[i];
        plan.stride[a] = valueOr(strides, i, 1);
        plan.dilation[a] = valueOr(dilations, i, 1);
        if (window[i] < 1 || window[i] > kLargest || (!kernel.empty() && kernel[i] != window[i]))
            return fail(ErrorCode::InvalidArgument, fmt::format("a window of [{}]", fmt::join(window, ", ")));
        if (autoPad == "NOTSET") {
            plan.padBegin[a] = valueOr(pads, i, 0);
            plan.padEnd[a] = valueOr(pads, axes + i, 0);
        } else if (autoPad != "VALID")
            padToSame(plan, a, autoPad == "SAME_UPPER");
        const std::int64_t reach = (plan.kernel[a] - 1) * plan.dilation[a] + 1;
        const std::int64_t slack = plan.src[a] + plan.padBegin[a] + plan.padEnd[a] - reach;
        if (slack < 0)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("a window of {} does not fit into {} elements", reach, src[i]));
        plan.dst[a] = (ceilMode ? slack + plan.stride[a] - 1 : slack) / plan.stride[a] + 1;
        // A last window that would start in the end padding does not exist.
        if (ceilMode && (plan.dst[a] - 1) * plan.stride[a] >= plan.src[a] + plan.padBegin[a])
            --plan.dst[a];
    }
    return plan;
}

Shape windowResultShape(const Shape &src, std::int64_t channels, const WindowPlan &plan) {
    Shape shape = src;
    shape[1] = channels;
    for (int axis = 2; axis < src.rank(); ++axis)
        shape[axis] = plan.dst[static_cast<std::size_t>(axis + 3 - src.rank())];
    return shape;
}

} // namespace qs
