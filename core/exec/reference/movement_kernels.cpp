#include "core/exec/reference/axes.h"
#include "core/exec/reference/copy.h"
#include "core/exec/reference/families.h"

#include <cstring>
#include <numeric>

namespace qs {
namespace {

Result<Kernel> transpose(NodeReader &reader) {
    return Kernel([perm = reader.intsAttribute("perm")](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 1));
        const Shape &src = call[0].shape();
        std::vector<std::int64_t> order(static_cast<std::size_t>(src.rank()));
        std::iota(order.rbegin(), order.rend(), 0);
        if (perm) {
            QS_TRY(const std::vector<int> axes, normalizeAxes(*perm, src.rank()));
            if (static_cast<int>(axes.size()) != src.rank())
                return fail(ErrorCode::InvalidArgument,
                            fmt::format("the permutation has {} entries for a tensor of shape {}",
                                        axes.size(), src.text()));
            order = *perm;
        }
        const std::vector<std::int64_t> strides = src.strides();
        std::vector<std::int64_t> dims, walk;
        for (const std::int64_t entry : order) {
            const auto axis = static_cast<std::size_t>(entry < 0 ? entry + src.rank() : entry);
            dims.push_back(src.dims()[axis]);
            walk.push_back(strides[axis]);
        }
        return copyStrided(call, call[0], 0, Shape(std::move(dims)), walk);
    });
}

/// Broadcast to a shape; dimensions may grow on either side.
Result<Kernel> expand(NodeReader &) {
    return Kernel([](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 2));
        const Shape &src = call[0].shape();
        QS_TRY(std::vector<std::int64_t> wanted, integerOperand(call, 1));
        QS_TRY(const Shape shape, broadcastShapes(src, Shape(std::move(wanted))));
        const std::vector<std::int64_t> own = src.strides();
        const int missing = shape.rank() - src.rank();
        std::vector<std::int64_t> strides(static_cast<std::size_t>(shape.rank()), 0);
        for (int axis = missing; axis < shape.rank(); ++axis)
            if (src[axis - missing] != 1)
                strides[static_cast<std::size_t>(axis)] = own[static_cast<std::size_t>(axis - missing)];
        return copyStrided(call, call[0], 0, shape, strides);
    });
}

struct SliceRange {
    std::int64_t start = 0, count = 0, step = 1;
};

/// What Python's dim[start:end:step] selects, ends clamped.
SliceRange sliceRange(std::int64_t dim, std::int64_t start, std::int64_t end, std::int64_t step) {
    const std::int64_t low = step > 0 ? 0 : -1, high = step > 0 ? dim : dim - 1;
    start = std::clamp(start < 0 ? start + dim : start, low, high);
    end = std::clamp(end < 0 ? end + dim : end, low, high);
    const std::int64_t span = step > 0 ? end - start : start - end;
    if (span <= 0)
        return {0, 0, step};
    // Written so that the lowest int64 as a step cannot overflow.
    const std::uint64_t stride =
        step > 0 ? static_cast<std::uint64_t>(step) : 0 - static_cast<std::uint64_t>(step);
    return {start, static_cast<std::int64_t>((static_cast<std::uint64_t>(span) - 1) / stride) + 1, step};
}

Outputs sliceTensor(const KernelCall &call, const std::vector<std::int64_t> &starts,
                    const std::vector<std::int64_t> &ends, std::vector<std::int64_t> axes,
                    std::vector<std::int64_t> steps) {
    const Shape &src = call[0].shape();
    if (axes.empty()) {
        axes.resize(starts.size());
        std::iota(axes.begin(), axes.end(), 0);
    }
    if (steps.empty())
        steps.assign(starts.size(), 1);
    if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size())
        return fail(ErrorCode::InvalidArgument, "starts, ends, axes and steps differ in length");
    QS_CHECK_OK(normalizeAxes(axes, src.rank()));
    std::vector<std::int64_t> dims = src.dims(), strides = src.strides();
    std::int64_t offset = 0;
    for (std::size_t i = 0; i < starts.size(); ++i) {
        QS_TRY(const int axis, normalizeAxis(axes[i], src.rank()));
        const auto a = static_cast<std::size_t>(axis);
        if (steps[i] == 0)
            return fail(ErrorCode::InvalidArgument, "a step is 0");
        const SliceRange range = sliceRange(src[axis], starts[i], ends[i], steps[i]);
        dims[a] = range.count;
        offset += range.start * strides[a];
        // A step is only taken when there is a second element; otherwise it could overflow.
        strides[a] = range.count > 1 ? strides[a] * range.step : 0;
    }
    return copyStrided(call, call[0], offset, Shape(std::move(dims)), strides);
}

Result<Kernel> sliceByAttributes(NodeReader &reader) {
    const auto axes = reader.intsAttribute("axes").value_or(std::vector<std::int64_t>{});
    const auto starts = reader.intsAttribute("starts"), ends = reader.intsAttribute("ends");
    if (!starts || !ends)
        return fail(ErrorCode::Unsupported, "starts or ends are missing");
    return Kernel([=](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 1));
        return sliceTensor(call, *starts, *ends, axes, {});
    });
}

Result<Kernel> sliceByInputs(NodeReader &) {
    return Kernel([](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 3));
        QS_TRY(const auto starts, integerOperand(call, 1));
        QS_TRY(const auto ends, integerOperand(call, 2));
        std::vector<std::int64_t> axes, steps;
        if (call.has(3)) {
            QS_TRY(axes, integerOperand(call, 3));
        }
        if (call.has(4)) {
            QS_TRY(steps, integerOperand(call, 4));
        }
        return sliceTensor(call, starts, ends, std::move(axes), std::move(steps));
    });
}

/// Shape of a concatenation. \error InvalidArgument  types or other dimensions differ
Result<Shape> concatenatedShape(const KernelCall &call, int axis) {
    Shape shape = call[0].shape();
    shape[axis] = 0;
    for (const Tensor &part : call.inputs) {
        bool fits = part.shape().rank() == shape.rank();
        for (int a = 0; fits && a < shape.rank(); ++a)
            fits = a == axis || part.shape()[a] == shape[a];
        if (!fits)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("shapes {} and {} cannot be joined along axis {}", call[0].shape().text(),
                                    part.shape().text(), axis));
        shape[axis] += part.shape()[axis];
    }
    return shape;
}

Result<Kernel> concat(NodeReader &reader) {
    if (reader.opset() >= 4 && !reader.hasAttribute("axis"))
        return fail(ErrorCode::Unsupported, "attribute axis is missing");
    return Kernel([axisGiven = reader.intAttribute("axis", 1)](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireSameType(call, std::max<std::size_t>(1, call.inputs.size())));
        QS_CHECK_OK(requireWholeBytes(call[0]));
        QS_TRY(const int axis, normalizeAxis(axisGiven, call[0].shape().rank()));
        QS_TRY(const Shape shape, concatenatedShape(call, axis));
        QS_TRY(Tensor result, call.allocate(call[0].dtype(), shape));
        const auto view = AxisView::of(shape, axis);
        const auto itemBytes = static_cast<std::size_t>(view.inner * dtypeBits(call[0].dtype()) / 8);
        std::byte *dst = result.mutableBytes();
        for (std::int64_t row = 0; row < view.outer; ++row)
            for (const Tensor &part : call.inputs) {
                const std::size_t bytes = static_cast<std::size_t>(part.shape()[axis]) * itemBytes;
                std::memcpy(dst, part.bytes() + static_cast<std::size_t>(row) * bytes, bytes);
                dst += bytes;
            }
        return std::vector<Tensor>{std::move(result)};
    });
}

/// Lengths of the parts when a dimension is cut into `count`: equal, the last one shorter.
Result<std::vector<std::int64_t>> equalParts(std::int64_t length, std::int64_t count, bool mayBeUneven) {
    if (count <= 0 || (!mayBeUneven && length % count != 0))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{} elements cannot be cut into {} parts", length, count));
    const std::int64_t part = (length + count - 1) / count;
    std::vector<std::int64_t> parts;
    for (std::int64_t i = 0; i < count; ++i)
        parts.push_back(std::clamp<std::int64_t>(length - i * part, 0, part));
    return parts;
}

Outputs splitTensor(const KernelCall &call, int axis, const std::vector<std::int64_t> &parts) {
    const auto view = AxisView::of(call[0].shape(), axis);
    const auto itemBytes = static_cast<std::size_t>(view.inner * dtypeBits(call[0].dtype()) / 8);
    std::vector<Tensor> outputs;
    std::size_t start = 0;
    for (const std::int64_t part : parts) {
        Shape shape = call[0].shape();
        shape[axis] = part;
        QS_TRY(Tensor output, call.allocate(call[0].dtype(), shape));
        const std::size_t bytes = static_cast<std::size_t>(part) * itemBytes;
        for (std::int64_t row = 0; row < view.outer; ++row)
            std::memcpy(output.mutableBytes() + static_cast<std::size_t>(row) * bytes,
                        call[0].bytes() + start + static_cast<std::size_t>(row * view.length) * itemBytes,
                        bytes);
        start += bytes;
        outputs.push_back(std::move(output));
    }
    return outputs;
}

Result<Kernel> split(NodeReader &reader) {
    const std::int64_t axisGiven = reader.intAttribute("axis", 0);
    const auto attribute = reader.opset() < 13 ? reader.intsAttribute("split") : std::nullopt;
    const bool counted = reader.opset() >= 18 && reader.hasAttribute("num_outputs");
    const auto outputs = static_cast<std::int64_t>(reader.node().outputs.size());
    if (counted && reader.intAttribute("num_outputs", 0) != outputs)
        return fail(ErrorCode::Unsupported, "num_outputs differs from the number of outputs");
    return Kernel([=](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 1));
        QS_CHECK_OK(requireWholeBytes(call[0]));
        QS_TRY(const int axis, normalizeAxis(axisGiven, call[0].shape().rank()));
        const std::int64_t length = call[0].shape()[axis];
        std::vector<std::int64_t> parts;
        if (attribute)
            parts = *attribute;
        else if (call.has(1)) {
            QS_TRY(parts, integerOperand(call, 1));
        } else {
            QS_TRY(parts, equalParts(length, outputs, counted));
        }
        std::int64_t rest = length;
        for (const std::int64_t part : parts)
            rest = part < 0 || part > rest ? -1 : rest - part;
        if (rest != 0 || static_cast<std::int64_t>(parts.size()) != outputs)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("parts [{}] do not make up the {} elements of axis {} for {} outputs",
                                    fmt::join(parts, ", "), length, axis, outputs));
        return splitTensor(call, axis, parts);
    });
}

Result<Kernel> tile(NodeReader &) {
    return Kernel([](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 2));
        QS_TRY(const auto repeats, integerOperand(call, 1));
        Shape shape = call[0].shape();
        if (static_cast<int>(repeats.size()) != shape.rank())
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("{} repeats for a tensor of shape {}", repeats.size(), shape.text()));
        for (int axis = 0; axis < shape.rank(); ++axis) {
            const std::int64_t repeat = repeats[static_cast<std::size_t>(axis)];
            if (repeat < 0 || __builtin_mul_overflow(shape[axis], repeat, &shape[axis]))
                return fail(ErrorCode::InvalidArgument, fmt::format("{} repeats", repeat));
        }
        QS_CHECK_OK(
            call.allocate(call[0].dtype(), shape)); // refuses sizes that the maps below could not have
        std::vector<std::vector<std::int64_t>> maps;
        for (int axis = 0; axis < shape.rank(); ++axis) {
            maps.emplace_back(shape.numel() == 0 ? 0 : static_cast<std::size_t>(shape[axis]));
            for (std::size_t i = 0; i < maps.back().size(); ++i)
                maps.back()[i] = static_cast<std::int64_t>(i) % call[0].shape()[axis];
        }
        return copyMapped(call, call[0], shape, maps, {});
    });
}

constexpr KernelEntry kEntries[] = {
    {"Transpose", 1, transpose},
    {"Expand", 8, expand},
    {"Slice", 1, sliceByAttributes},
    {"Slice", 10, sliceByInputs},
    {"Concat", 1, concat},
    {"Split", 2, split},
    {"Tile", 6, tile},
};

} // namespace

KernelFamily movementKernels() {
    return kEntries;
}

} // namespace qs
