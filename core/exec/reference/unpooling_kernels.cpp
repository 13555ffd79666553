#include "core/exec/reference/dispatch.h"
#include "core/exec/reference/families.h"
#include "core/exec/reference/unpooling.h"

#include "core/tensor/convert.h"

namespace qs {

Result<Shape> unpooledShape(const Shape &x, const WindowAttributes &window) {
    const auto axes = static_cast<std::size_t>(std::max(0, x.rank() - 2));
    const auto fits = [axes](const std::vector<std::int64_t> &values, std::size_t factor) {
        return values.empty() || values.size() == factor * axes;
    };
    if (axes < 1 || window.kernel.size() != axes || !fits(window.strides, 1) || !fits(window.pads, 2))
        return fail(ErrorCode::InvalidArgument, fmt::format("{} does not fit the attributes", x.text()));
    Shape shape = x;
    for (std::size_t i = 0; i < axes; ++i) {
        const std::int64_t stride = window.strides.empty() ? 1 : window.strides[i];
        const std::int64_t pads = window.pads.empty() ? 0 : window.pads[i] + window.pads[axes + i];
        std::int64_t &dim = shape[static_cast<int>(i) + 2];
        if (dim < 1 || dim > (std::int64_t{1} << 40) / stride)
            return fail(ErrorCode::InvalidArgument, fmt::format("{} cannot be unpooled", x.text()));
        dim = std::max<std::int64_t>(0, (dim - 1) * stride + window.kernel[i] - pads);
    }
    return shape;
}

namespace {

/// Position in a larger tensor of the element with a flat index in a smaller one.
std::int64_t embeddedIndex(std::int64_t index, const Shape &small, const std::vector<std::int64_t> &strides) {
    std::int64_t offset = 0;
    for (int axis = small.rank() - 1; axis >= 0; --axis) {
        offset += index % small[axis] * strides[static_cast<std::size_t>(axis)];
        index /= small[axis];
    }
    return offset;
}

/// Indices count the elements of the inferred shape; a larger result gets zeros at the ends of its axes.
template <typename T>
Outputs scatterMaxima(const KernelCall &call, const Shape &inferred, const Shape &shape) {
    QS_TRY(Tensor result, call.allocate(dtypeOf<T>(), shape));
    const std::span<T> dst = result.mutableValues<T>();
    std::ranges::fill(dst, T(0));
    QS_TRY(const std::int64_t elements, inferred.checkedNumel());
    const std::vector<std::int64_t> strides = shape.strides();
    const std::span<const T> src = call[0].values<T>();
    const std::span<const std::int64_t> indices = call[1].values<std::int64_t>();
    for (std::size_t i = 0; i < src.size(); ++i) {
        if (indices[i] < 0 || indices[i] >= elements)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("index {} for a result of shape {}", indices[i], inferred.text()));
        dst[static_cast<std::size_t>(embeddedIndex(indices[i], inferred, strides))] = src[i];
    }
    return std::vector<Tensor>{std::move(result)};
}

Result<Kernel> maxUnpooling(NodeReader &reader) {
    QS_TRY(const WindowAttributes window, WindowAttributes::read(reader));
    return widenHalfTypes([window](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 2));
        if (call[1].shape() != call[0].shape() || call[1].dtype() != DType::Int64)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("indices must be int64 {}", call[0].shape().text()));
        QS_TRY(const Shape inferred, unpooledShape(call[0].shape(), window));
        Shape shape = inferred;
        if (call.has(2)) {
            QS_TRY(std::vector<std::int64_t> wanted, integerOperand(call, 2));
            shape = Shape(std::move(wanted));
        }
        bool holds = shape.rank() == inferred.rank();
        for (int axis = 0; holds && axis < shape.rank(); ++axis)
            holds = shape[axis] >= inferred[axis];
        if (!holds)
            return fail(ErrorCode::InvalidArgument, fmt::format("an output_shape of {}; needs at least {}",
                                                                shape.text(), inferred.text()));
        return dispatch(FloatTypes{}, call[0].dtype(),
                        [&]<typename T>() { return scatterMaxima<T>(call, inferred, shape); });
    });
}

constexpr KernelEntry kEntries[] = {
    {"MaxUnpool", 9, maxUnpooling},
};

} // namespace

KernelFamily unpoolingKernels() {
    return kEntries;
}

} // namespace qs
