#include "core/exec/reference/axes.h"
#include "core/exec/reference/copy.h"
#include "core/exec/reference/families.h"
#include "core/exec/reference/training_mode.h"
#include "core/tensor/convert.h"

namespace qs {
namespace {

Outputs one(Tensor tensor) {
    return std::vector<Tensor>{std::move(tensor)};
}

/// The target of Reshape with 0 (copy) and -1 (infer) resolved.
Result<Shape> resolveShape(const Tensor &src, std::vector<std::int64_t> target, bool allowZero) {
    std::int64_t known = 1, inferred = -1;
    for (std::size_t i = 0; i < target.size(); ++i) {
        if (target[i] == 0 && !allowZero) {
            if (static_cast<int>(i) >= src.shape().rank())
                return fail(ErrorCode::InvalidArgument,
                            "a 0 in the target shape copies a dimension that is not there");
            target[i] = src.shape()[static_cast<int>(i)];
        }
        if (target[i] < -1 || (target[i] == -1 && inferred >= 0))
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("[{}] is not a target shape", fmt::join(target, ", ")));
        if (target[i] == -1)
            inferred = static_cast<std::int64_t>(i);
        else if (__builtin_mul_overflow(known, target[i], &known))
            return fail(ErrorCode::InvalidArgument, "the target shape has too many elements");
    }
    if (inferred >= 0) {
        if (known == 0 || src.numel() % known != 0)
            return fail(ErrorCode::InvalidArgument, fmt::format("shape {} cannot become [{}]",
                                                                src.shape().text(), fmt::join(target, ", ")));
        target[static_cast<std::size_t>(inferred)] = src.numel() / known;
    } else if (known != src.numel())
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("shape {} cannot become [{}]", src.shape().text(), fmt::join(target, ", ")));
    Shape shape(std::move(target));
    QS_CHECK_OK(checkEmptyAxes(shape));
    return shape;
}

Result<Kernel> reshape(NodeReader &reader) {
    reader.ignore({"consumed_inputs"});
    const bool allowZero = reader.flag("allowzero", false);
    const auto attribute = reader.opset() < 5 ? reader.intsAttribute("shape") : std::nullopt;
    return Kernel([=](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 1));
        std::vector<std::int64_t> target;
        if (attribute)
            target = *attribute;
        else {
            QS_TRY(target, integerOperand(call, 1));
        }
        QS_TRY(Shape shape, resolveShape(call[0], std::move(target), allowZero));
        return one(call[0].reshaped(std::move(shape)));
    });
}

Result<Kernel> flatten(NodeReader &reader) {
    return Kernel([axis = reader.intAttribute("axis", 1)](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 1));
        const Shape &shape = call[0].shape();
        const std::int64_t split = axis < 0 ? axis + shape.rank() : axis;
        if (split < 0 || split > shape.rank())
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("axis {} is outside a tensor of rank {}", axis, shape.rank()));
        const auto at = static_cast<int>(split);
        return one(call[0].reshaped(Shape{shape.numelBetween(0, at), shape.numelBetween(at, shape.rank())}));
    });
}

Result<Kernel> squeeze(NodeReader &reader) {
    return Kernel([source = AxesSource::read(reader, 13)](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 1));
        const Shape &shape = call[0].shape();
        QS_TRY(const auto given, source.get(call));
        QS_TRY(const std::vector<int> axes,
               normalizeAxes(given.value_or(std::vector<std::int64_t>{}), shape.rank()));
        std::vector<std::int64_t> dims;
        for (int axis = 0; axis < shape.rank(); ++axis) {
            const bool named = std::binary_search(axes.begin(), axes.end(), axis);
            if (named && shape[axis] != 1)
                return fail(ErrorCode::InvalidArgument,
                            fmt::format("axis {} of shape {} is not 1", axis, shape.text()));
            if (given ? !named : shape[axis] != 1)
                dims.push_back(shape[axis]);
        }
        return one(call[0].reshaped(Shape(std::move(dims))));
    });
}

Result<Kernel> unsqueeze(NodeReader &reader) {
    return Kernel([source = AxesSource::read(reader, 13)](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 1));
        const Shape &shape = call[0].shape();
        QS_TRY(const auto given, source.get(call));
        if (!given)
            return fail(ErrorCode::InvalidArgument, "the axes are missing");
        constexpr std::size_t kMostAxes = 64;
        if (given->size() > kMostAxes)
            return fail(ErrorCode::InvalidArgument, fmt::format("{} new axes", given->size()));
        const int rank = shape.rank() + static_cast<int>(given->size());
        QS_TRY(const std::vector<int> axes, normalizeAxes(*given, rank));
        std::vector<std::int64_t> dims;
        for (int axis = 0, from = 0; axis < rank; ++axis)
            dims.push_back(std::binary_search(axes.begin(), axes.end(), axis) ? 1 : shape[from++]);
        return one(call[0].reshaped(Shape(std::move(dims))));
    });
}

Result<Kernel> identity(NodeReader &reader) {
    reader.ignore({"consumed_inputs"});
    return Kernel([](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 1));
        return one(call[0]);
    });
}

/// Whether the node drops anything: only in training, and there not with a ratio of 0.
bool dropsElements(NodeReader &reader) {
    if (reader.opset() < 7 && !reader.flag("is_test", false))
        return true;
    const Tensor *training = reader.constantInput(2), *ratio = reader.constantInput(1);
    if (!reader.hasInput(2) || (training && training->numel() == 1 && training->bytes()[0] == std::byte{0}))
        return false;
    const auto value = ratio && ratio->numel() == 1 ? toFloat32(*ratio) : fail(ErrorCode::Unsupported, {});
    return !value || value->values<float>()[0] != 0;
}

/// Inference only: the input passes, the mask (when wanted) is all true.
Result<Kernel> dropout(NodeReader &reader) {
    reader.ignore({"ratio", "seed", "consumed_inputs"});
    if (dropsElements(reader))
        return fail(ErrorCode::Unsupported, kTrainingText);
    const bool mask = reader.hasOutput(1), boolMask = reader.opset() >= 10;
    return Kernel([mask, boolMask](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 1));
        std::vector<Tensor> outputs{call[0], Tensor{}};
        if (mask) {
            QS_TRY(const Tensor one,
                   castTensor(Tensor::scalar(1.0f), boolMask ? DType::Bool : call[0].dtype()));
            const Shape &shape = call[0].shape();
            QS_TRY(auto ones,
                   copyStrided(call, one, 0, shape,
                               std::vector<std::int64_t>(static_cast<std::size_t>(shape.rank()), 0)));
            outputs[1] = std::move(ones[0]);
        }
        return outputs;
    });
}

Result<Kernel> shapeOf(NodeReader &reader) {
    const std::int64_t start = reader.intAttribute("start", 0);
    const std::int64_t end = reader.intAttribute("end", std::numeric_limits<std::int64_t>::max());
    return Kernel([=](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 1));
        const auto &dims = call[0].shape().dims();
        const auto rank = static_cast<std::int64_t>(dims.size());
        const std::int64_t first = std::clamp<std::int64_t>(start < 0 ? start + rank : start, 0, rank);
        const std::int64_t last = std::clamp<std::int64_t>(end < 0 ? end + rank : end, first, rank);
        const std::span<const std::int64_t> part(dims.data() + first, static_cast<std::size_t>(last - first));
        return one(Tensor::fromValues<std::int64_t>(Shape{last - first}, part));
    });
}

Result<Kernel> sizeOf(NodeReader &) {
    return Kernel([](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 1));
        return one(Tensor::scalar<std::int64_t>(call[0].numel()));
    });
}

constexpr KernelEntry kEntries[] = {
    {"Reshape", 1, reshape},   {"Flatten", 1, flatten}, {"Squeeze", 1, squeeze}, {"Unsqueeze", 1, unsqueeze},
    {"Identity", 1, identity}, {"Dropout", 1, dropout}, {"Shape", 1, shapeOf},   {"Size", 1, sizeOf},
};

} // namespace

KernelFamily shapeKernels() {
    return kEntries;
}

} // namespace qs
