#include "core/exec/reference/axes.h"

namespace qs {

AxesSource AxesSource::read(NodeReader &reader, std::int64_t inputSince, int inputIndex) {
    AxesSource source;
    if (reader.opset() >= inputSince)
        source.input = inputIndex;
    else
        source.attribute = reader.intsAttribute("axes");
    return source;
}

Result<std::optional<std::vector<std::int64_t>>> AxesSource::get(const KernelCall &call) const {
    if (input < 0)
        return attribute;
    const auto index = static_cast<std::size_t>(input);
    if (!call.has(index))
        return std::nullopt;
    QS_TRY(auto axes, integerOperand(call, index));
    return axes;
}

Result<std::vector<int>> normalizeAxes(const std::vector<std::int64_t> &axes, int rank) {
    std::vector<int> result;
    for (const std::int64_t axis : axes) {
        QS_TRY(const int normal, normalizeAxis(axis, rank));
        result.push_back(normal);
    }
    std::sort(result.begin(), result.end());
    if (std::adjacent_find(result.begin(), result.end()) != result.end())
        return fail(ErrorCode::InvalidArgument, "an axis is named twice");
    return result;
}

std::vector<std::int64_t> offsetsOf(const Shape &shape, const std::vector<int> &axes) {
    const std::vector<std::int64_t> strides = shape.strides();
    std::vector<std::int64_t> offsets{0};
    for (const int axis : axes) {
        std::vector<std::int64_t> longer;
        longer.reserve(offsets.size() * static_cast<std::size_t>(shape[axis]));
        for (const std::int64_t offset : offsets)
            for (std::int64_t i = 0; i < shape[axis]; ++i)
                longer.push_back(offset + i * strides[static_cast<std::size_t>(axis)]);
        offsets = std::move(longer);
    }
    return offsets;
}

} // namespace qs
