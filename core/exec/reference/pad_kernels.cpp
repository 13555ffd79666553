#include "core/exec/reference/axes.h"
#include "core/exec/reference/copy.h"
#include "core/exec/reference/families.h"

#include "core/tensor/convert.h"

namespace qs {
namespace {

enum class PadMode { Constant, Reflect, Edge, Wrap };

/// Elements added before and after one axis; negative ones are removed.
struct AxisPadding {
    std::int64_t before = 0, after = 0;
};

/// Source index of position i of an axis of `length` elements that goes on at both ends; -1 = the constant.
std::int64_t sourceIndex(PadMode mode, std::int64_t i, std::int64_t length) {
    switch (mode) {
    case PadMode::Edge:
        return std::clamp<std::int64_t>(i, 0, length - 1);
    case PadMode::Wrap:
        return (i % length + length) % length;
    case PadMode::Reflect: {
        if (length == 1)
            return 0;
        const std::int64_t period = 2 * (length - 1), at = (i % period + period) % period;
        return std::min(at, period - at);
    }
    default:
        return i < 0 || i >= length ? -1 : i;
    }
}

/// \error InvalidArgument  the length overflows or is negative, or there is nothing to repeat
/// \error Unsupported  whether removed elements are repeated is not defined
Result<std::int64_t> paddedLength(PadMode mode, std::int64_t length, const AxisPadding &padding) {
    std::int64_t sum = 0;
    const bool grows = padding.before > 0 || padding.after > 0;
    const bool shrinks = padding.before < 0 || padding.after < 0;
    if (__builtin_add_overflow(length, padding.before, &sum) ||
        __builtin_add_overflow(sum, padding.after, &sum) || sum < 0 || padding.before < -length ||
        padding.after < -length || (mode != PadMode::Constant && grows && length == 0))
        return fail(ErrorCode::InvalidArgument, fmt::format("padding of {} and {} for an axis of {}",
                                                            padding.before, padding.after, length));
    if ((mode == PadMode::Reflect || mode == PadMode::Wrap) && grows && shrinks)
        return fail(ErrorCode::Unsupported, "removing elements at one end and repeating them at the other");
    return sum;
}

Outputs padTensor(const KernelCall &call, PadMode mode, const std::vector<AxisPadding> &padding,
                  const Tensor &value) {
    const Shape &src = call[0].shape();
    Shape shape = src;
    for (int axis = 0; axis < src.rank(); ++axis) {
        QS_TRY(shape[axis], paddedLength(mode, src[axis], padding[static_cast<std::size_t>(axis)]));
    }
    QS_CHECK_OK(call.allocate(call[0].dtype(), shape)); // refuses sizes that the maps could not have
    std::vector<std::vector<std::int64_t>> maps;
    for (int axis = 0; axis < shape.rank(); ++axis) {
        maps.emplace_back(shape.numel() == 0 ? 0 : static_cast<std::size_t>(shape[axis]));
        const std::int64_t before = padding[static_cast<std::size_t>(axis)].before;
        for (std::size_t i = 0; i < maps.back().size(); ++i)
            maps.back()[i] = sourceIndex(mode, static_cast<std::int64_t>(i) - before, src[axis]);
    }
    return copyMapped(call, call[0], shape, maps, value);
}

/// All begins, then all ends, for the axes named or for all.
Result<std::vector<AxisPadding>> paddingOf(const std::vector<std::int64_t> &pads,
                                           const std::optional<std::vector<std::int64_t>> &axes, int rank) {
    std::vector<AxisPadding> padding(static_cast<std::size_t>(rank));
    const std::size_t count = axes ? axes->size() : padding.size();
    if (pads.size() != 2 * count)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{} numbers of padding for {} axes", pads.size(), count));
    if (axes)
        QS_CHECK_OK(normalizeAxes(*axes, rank));
    for (std::size_t i = 0; i < count; ++i) {
        QS_TRY(const int axis, normalizeAxis(axes ? (*axes)[i] : static_cast<std::int64_t>(i), rank));
        padding[static_cast<std::size_t>(axis)] = {pads[i], pads[i + count]};
    }
    return padding;
}

Result<PadMode> readMode(NodeReader &reader) {
    const std::string mode = reader.stringAttribute("mode", "constant");
    if (mode == "constant")
        return PadMode::Constant;
    if (mode == "reflect")
        return PadMode::Reflect;
    if (mode == "edge")
        return PadMode::Edge;
    if (mode == "wrap" && reader.opset() >= 19)
        return PadMode::Wrap;
    return fail(ErrorCode::Unsupported, fmt::format("mode='{}'", mode));
}

Result<Kernel> padByAttributes(NodeReader &reader) {
    QS_TRY(const PadMode mode, readMode(reader));
    const auto pads = reader.intsAttribute(reader.opset() == 1 ? "paddings" : "pads");
    if (!pads)
        return fail(ErrorCode::Unsupported, "no padding is given");
    return Kernel([=, value = reader.floatAttribute("value", 0)](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 1));
        QS_TRY(const auto padding, paddingOf(*pads, std::nullopt, call[0].shape().rank()));
        QS_TRY(const Tensor fill, castTensor(Tensor::scalar(value), call[0].dtype()));
        return padTensor(call, mode, padding, fill);
    });
}

Result<Kernel> padByInputs(NodeReader &reader) {
    QS_TRY(const PadMode mode, readMode(reader));
    return Kernel([mode](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 2));
        QS_TRY(const auto pads, integerOperand(call, 1));
        if (call.has(2) && (call[2].numel() != 1 || call[2].dtype() != call[0].dtype()))
            return fail(ErrorCode::InvalidArgument, "the constant must be one element of the input's type");
        std::optional<std::vector<std::int64_t>> axes;
        if (call.has(3)) {
            QS_TRY(axes, integerOperand(call, 3));
        }
        QS_TRY(const auto padding, paddingOf(pads, axes, call[0].shape().rank()));
        return padTensor(call, mode, padding, call[2]);
    });
}

constexpr KernelEntry kEntries[] = {
    {"Pad", 1, padByAttributes},
    {"Pad", 11, padByInputs},
};

} // namespace

KernelFamily padKernels() {
    return kEntries;
}

} // namespace qs
