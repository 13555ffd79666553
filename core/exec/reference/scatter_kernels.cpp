#include "core/exec/reference/axes.h"
#include "core/exec/reference/families.h"
#include "core/exec/reference/index_offsets.h"

#include <cstring>

namespace qs {
namespace {

enum class Reduction { None, Add, Multiply, Max, Min };

Result<Reduction> readReduction(NodeReader &reader) {
    const std::string name = reader.stringAttribute("reduction", "none");
    if (name == "none")
        return Reduction::None;
    if (name == "add" && reader.opset() >= 16)
        return Reduction::Add;
    if (name == "mul" && reader.opset() >= 16)
        return Reduction::Multiply;
    if (name == "max" && reader.opset() >= 18)
        return Reduction::Max;
    if (name == "min" && reader.opset() >= 18)
        return Reduction::Min;
    return fail(ErrorCode::Unsupported, fmt::format("reduction='{}'", name));
}

/// Updates of `length` neighbouring elements; update i goes to the element offset offsets[i].
struct Updates {
    std::span<const std::int64_t> offsets;
    std::int64_t length = 1;
};

template <typename T, typename Combine>
void combineUpdates(const Updates &updates, const T *src, T *dst, const Combine &combine) {
    for (const std::int64_t offset : updates.offsets) {
        T *target = dst + offset;
        for (std::int64_t i = 0; i < updates.length; ++i)
            target[i] = combine(target[i], src[i]);
        src += updates.length;
    }
}

template <typename T>
void reduceUpdates(Reduction reduction, const Updates &updates, const T *src, T *dst) {
    switch (reduction) {
    case Reduction::Add:
        return combineUpdates(updates, src, dst, [](T a, T b) { return wrappingAdd(a, b); });
    case Reduction::Multiply:
        return combineUpdates(updates, src, dst, [](T a, T b) { return wrappingMultiply(a, b); });
    case Reduction::Max: // a NaN on either side stays
        return combineUpdates(updates, src, dst, [](T a, T b) { return b > a || b != b ? b : a; });
    default:
        return combineUpdates(updates, src, dst, [](T a, T b) { return b < a || b != b ? b : a; });
    }
}

/// A copy of operand 0 with operand 2 written into it, in the order of the updates.
Outputs applyUpdates(const KernelCall &call, Reduction reduction, const Updates &updates) {
    QS_TRY(Tensor result, call.allocate(call[0].dtype(), call[0].shape()));
    std::memcpy(result.mutableBytes(), call[0].bytes(), call[0].sizeBytes());
    if (reduction == Reduction::None)
        return dispatchSize(call[0].dtype(), [&]<typename T>() -> Outputs {
            combineUpdates(updates, reinterpret_cast<const T *>(call[2].bytes()),
                           reinterpret_cast<T *>(result.mutableBytes()), [](T, T b) { return b; });
            return std::vector<Tensor>{std::move(result)};
        });
    return dispatch(NumberTypes{}, call[0].dtype(), [&]<typename T>() -> Outputs {
        reduceUpdates(reduction, updates, call[2].values<T>().data(), result.mutableValues<T>().data());
        return std::vector<Tensor>{std::move(result)};
    });
}

/// Only sums of half types need another type; moving elements does not.
Kernel kernelFor(Reduction reduction, Kernel kernel) {
    return reduction == Reduction::None ? kernel : widenHalfTypes(std::move(kernel));
}

Status checkUpdates(const KernelCall &call, const Shape &wanted) {
    if (call[2].shape() != wanted || call[2].dtype() != call[0].dtype())
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("updates are {} {} where {} {} is needed", dtypeName(call[2].dtype()),
                                call[2].shape().text(), dtypeName(call[0].dtype()), wanted.text()));
    return {};
}

Result<Kernel> scatterElements(NodeReader &reader) {
    QS_TRY(const Reduction reduction, readReduction(reader));
    const std::int64_t axisGiven = reader.intAttribute("axis", 0);
    return kernelFor(reduction, [=](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 3));
        QS_CHECK_OK(checkUpdates(call, call[1].shape()));
        QS_TRY(const int axis, normalizeAxis(axisGiven, call[0].shape().rank()));
        QS_TRY(const auto offsets, elementOffsets(call[0].shape(), call[1], axis));
        return applyUpdates(call, reduction, {offsets, 1});
    });
}

Result<Kernel> scatterNd(NodeReader &reader) {
    QS_TRY(const Reduction reduction, readReduction(reader));
    return kernelFor(reduction, [=](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 3));
        QS_TRY(const TupleSlices slices, tupleSlices(call[0].shape(), call[1], 0));
        QS_CHECK_OK(checkUpdates(call, slices.shape));
        return applyUpdates(call, reduction, {slices.offsets, slices.length});
    });
}

constexpr KernelEntry kEntries[] = {
    {"Scatter", 9, scatterElements},
    {"ScatterElements", 11, scatterElements},
    {"ScatterND", 11, scatterNd},
};

} // namespace

KernelFamily scatterKernels() {
    return kEntries;
}

} // namespace qs
