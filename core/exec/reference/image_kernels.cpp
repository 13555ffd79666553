#include "core/base/parallel.h"
#include "core/exec/reference/axes.h"
#include "core/exec/reference/column_image.h"
#include "core/exec/reference/copy.h"
#include "core/exec/reference/families.h"

#include "core/tensor/convert.h"

#include <numeric>

namespace qs {
namespace {

template <typename T>
Outputs joinBlocks(const KernelCall &call, const WindowPlan &w, const Shape &shape) {
    QS_TRY(Tensor result, call.allocate(dtypeOf<T>(), shape));
    const T *src = call[0].values<T>().data();
    T *dst = result.mutableValues<T>().data();
    const auto joinPlanes = [&](std::int64_t begin, std::int64_t end) {
        std::vector<double> image(static_cast<std::size_t>(w.srcSize()));
        for (std::int64_t plane = begin; plane < end && !call.ctx.cancelled(); ++plane) {
            std::ranges::fill(image, 0.0);
            addColumns(w, src + plane * w.kernelSize() * w.dstSize(), image.data());
            std::ranges::transform(image, dst + plane * w.srcSize(),
                                   [](double x) { return static_cast<T>(x); });
        }
    };
    QS_CHECK_OK(parallelFor(result.numel() == 0 ? 0 : shape[0] * shape[1], 1, call.ctx, joinPlanes));
    return std::vector<Tensor>{std::move(result)};
}

/// [N, C · block elements, positions], the size of the image, the size of a block.
Result<Kernel> columnsToImage(NodeReader &reader) {
    if (reader.hasAttribute("kernel_shape") || reader.hasAttribute("auto_pad"))
        return fail(ErrorCode::Unsupported, "kernel_shape or auto_pad");
    QS_TRY(const WindowAttributes attributes, WindowAttributes::read(reader));
    return widenHalfTypes([attributes](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 3));
        QS_TRY(const auto image, integerOperand(call, 1));
        QS_TRY(const auto block, integerOperand(call, 2));
        QS_TRY(const WindowPlan plan, attributes.plan(image, block));
        const Shape &columns = call[0].shape();
        std::vector<std::int64_t> dims{0, 0};
        dims.insert(dims.end(), image.begin(), image.end());
        QS_TRY(const std::int64_t positions, Shape({plan.dst[0], plan.dst[1], plan.dst[2]}).checkedNumel());
        if (columns.rank() != 3 || columns[1] % plan.kernelSize() != 0 || columns[2] != positions)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("{} are no blocks [{}] of an image of shape [{}]", columns.text(),
                                    Shape(block).text(), Shape(image).text()));
        dims[0] = columns[0];
        dims[1] = columns[1] / plan.kernelSize();
        return dispatch(FloatTypes{}, call[0].dtype(),
                        [&]<typename T>() { return joinBlocks<T>(call, plan, Shape(dims)); });
    });
}

/// Axes longer than wanted lose elements at both ends, shorter ones gain zeros; the odd one is at the end.
Result<Kernel> centerCropPad(NodeReader &reader) {
    return Kernel([given = reader.intsAttribute("axes")](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 2));
        Shape shape = call[0].shape();
        std::vector<std::int64_t> axes(static_cast<std::size_t>(shape.rank()));
        std::iota(axes.begin(), axes.end(), std::int64_t{0});
        if (given)
            axes = *given;
        QS_TRY(const auto wanted, integerOperand(call, 1));
        if (wanted.size() != axes.size())
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("{} sizes for {} axes", wanted.size(), axes.size()));
        QS_TRY(const auto distinct, normalizeAxes(axes, shape.rank()));
        for (std::size_t i = 0; i < axes.size(); ++i) {
            QS_TRY(const int axis, normalizeAxis(axes[i], shape.rank()));
            shape[axis] = wanted[i];
        }
        QS_TRY(Tensor room, call.allocate(call[0].dtype(), shape)); // before lists of that size are made
        if (room.numel() == 0)
            return std::vector<Tensor>{std::move(room)};
        room = {};
        std::vector<std::vector<std::int64_t>> maps;
        for (int axis = 0; axis < shape.rank(); ++axis) {
            const std::int64_t src = call[0].shape()[axis], dst = shape[axis];
            const std::int64_t shift = src >= dst ? (src - dst) / 2 : -((dst - src) / 2);
            maps.emplace_back();
            for (std::int64_t i = 0; i < dst; ++i)
                maps.back().push_back(i + shift >= 0 && i + shift < src ? i + shift : -1);
        }
        return copyMapped(call, call[0], shape, maps, {});
    });
}

/// Centres of n pixels between -1 and 1, or with aligned corners n points from -1 to 1.
double gridCoordinate(std::int64_t i, std::int64_t n, bool alignCorners) {
    if (!alignCorners)
        return static_cast<double>(2 * i + 1) / static_cast<double>(n) - 1;
    return n == 1 ? 0 : 2 * static_cast<double>(i) / static_cast<double>(n - 1) - 1;
}

/// theta [N, axes, axes + 1] times (x, y, [z,] 1) for every pixel of an image of the given spatial size.
template <typename T>
Outputs affinePositions(const KernelCall &call, const Shape &shape, bool alignCorners) {
    QS_TRY(Tensor result, call.allocate(dtypeOf<T>(), shape));
    const std::int64_t axes = shape[shape.rank() - 1], points = shape.numelBetween(1, shape.rank() - 1);
    const T *theta = call[0].values<T>().data();
    T *dst = result.mutableValues<T>().data();
    for (std::int64_t at = 0; at < (result.numel() == 0 ? 0 : shape[0] * points); ++at) {
        std::array<double, 4> position{0, 0, 0, 0};
        position[static_cast<std::size_t>(axes)] = 1;
        std::int64_t rest = at % points;
        for (std::int64_t i = 0; i < axes; ++i) {
            const std::int64_t size = shape[static_cast<int>(axes - i)];
            position[static_cast<std::size_t>(i)] = gridCoordinate(rest % size, size, alignCorners);
            rest /= size;
        }
        for (std::int64_t row = 0; row < axes; ++row) {
            const T *matrix = theta + (at / points * axes + row) * (axes + 1);
            double sum = 0;
            for (std::int64_t i = 0; i <= axes; ++i)
                sum += static_cast<double>(matrix[i]) * position[static_cast<std::size_t>(i)];
            dst[at * axes + row] = static_cast<T>(sum);
        }
    }
    return std::vector<Tensor>{std::move(result)};
}

Result<Kernel> affineGrid(NodeReader &reader) {
    return widenHalfTypes([align = reader.flag("align_corners", false)](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 2));
        QS_TRY(const auto size, integerOperand(call, 1)); // N, C, spatial
        const Shape &theta = call[0].shape();
        const auto axes = static_cast<std::int64_t>(size.size()) - 2;
        if ((axes != 2 && axes != 3) || theta != Shape{size[0], axes, axes + 1})
            return fail(ErrorCode::InvalidArgument, fmt::format("theta of shape {} for an image of size {}",
                                                                theta.text(), Shape(size).text()));
        std::vector<std::int64_t> dims(size.begin() + 2, size.end());
        dims.insert(dims.begin(), size[0]);
        dims.push_back(axes);
        return dispatch(FloatTypes{}, call[0].dtype(),
                        [&]<typename T>() { return affinePositions<T>(call, Shape(dims), align); });
    });
}

constexpr KernelEntry kEntries[] = {
    {"Col2Im", 18, columnsToImage},
    {"CenterCropPad", 18, centerCropPad},
    {"AffineGrid", 20, affineGrid},
};

} // namespace

KernelFamily imageKernels() {
    return kEntries;
}

} // namespace qs
