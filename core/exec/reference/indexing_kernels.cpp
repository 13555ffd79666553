#include "core/exec/reference/axes.h"
#include "core/exec/reference/copy.h"
#include "core/exec/reference/families.h"
#include "core/exec/reference/index_offsets.h"

#include <cstring>

namespace qs {
namespace {

Result<Kernel> gather(NodeReader &reader) {
    return Kernel([axisGiven = reader.intAttribute("axis", 0)](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 2));
        const Shape &src = call[0].shape();
        QS_TRY(const int axis, normalizeAxis(axisGiven, src.rank()));
        QS_TRY(const auto indices, normalizedIndices(call[1], src[axis]));
        std::vector<std::int64_t> dims(src.begin(), src.begin() + axis);
        dims.insert(dims.end(), call[1].shape().begin(), call[1].shape().end());
        dims.insert(dims.end(), src.begin() + axis + 1, src.end());
        QS_TRY(const Tensor slices, copySlices(call, call[0], axis, indices));
        return std::vector<Tensor>{slices.reshaped(Shape(std::move(dims)))};
    });
}

Result<Kernel> gatherElements(NodeReader &reader) {
    return Kernel([axisGiven = reader.intAttribute("axis", 0)](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 2));
        QS_TRY(const int axis, normalizeAxis(axisGiven, call[0].shape().rank()));
        QS_TRY(const auto offsets, elementOffsets(call[0].shape(), call[1], axis));
        QS_TRY(Tensor result, call.allocate(call[0].dtype(), call[1].shape()));
        return dispatchSize(call[0].dtype(), [&]<typename T>() -> Outputs {
            const T *src = reinterpret_cast<const T *>(call[0].bytes());
            T *dst = reinterpret_cast<T *>(result.mutableBytes());
            for (std::size_t i = 0; i < offsets.size(); ++i)
                dst[i] = src[offsets[i]];
            return std::vector<Tensor>{std::move(result)};
        });
    });
}

Result<Kernel> gatherNd(NodeReader &reader) {
    return Kernel([batch = reader.intAttribute("batch_dims", 0)](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 2));
        QS_CHECK_OK(requireWholeBytes(call[0]));
        const auto axes = static_cast<int>(std::clamp<std::int64_t>(batch, -1, 64));
        QS_TRY(const TupleSlices slices, tupleSlices(call[0].shape(), call[1], axes));
        QS_TRY(Tensor result, call.allocate(call[0].dtype(), slices.shape));
        const auto item = static_cast<std::size_t>(dtypeBits(call[0].dtype()) / 8);
        const std::size_t bytes = static_cast<std::size_t>(slices.length) * item;
        for (std::size_t i = 0; i < slices.offsets.size(); ++i)
            std::memcpy(result.mutableBytes() + i * bytes,
                        call[0].bytes() + static_cast<std::size_t>(slices.offsets[i]) * item, bytes);
        return std::vector<Tensor>{std::move(result)};
    });
}

constexpr KernelEntry kEntries[] = {
    {"Gather", 1, gather},
    {"GatherElements", 11, gatherElements},
    {"GatherND", 11, gatherNd},
};

} // namespace

KernelFamily indexingKernels() {
    return kEntries;
}

} // namespace qs
