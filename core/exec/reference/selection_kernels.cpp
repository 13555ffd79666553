#include "core/exec/reference/axes.h"
#include "core/exec/reference/copy.h"
#include "core/exec/reference/families.h"

#include "core/tensor/convert.h"

#include <cmath>

namespace qs {
namespace {

/// Flat positions of the elements that are not 0.
template <typename T>
std::vector<std::int64_t> nonZeroPositions(const Tensor &tensor) {
    std::vector<std::int64_t> positions;
    const std::span<const T> values = tensor.values<T>();
    for (std::size_t i = 0; i < values.size(); ++i)
        if (values[i] != T(0)) // NaN is not 0
            positions.push_back(static_cast<std::int64_t>(i));
    return positions;
}

/// Coordinates of the elements that are not 0, one row per axis.
Outputs coordinates(const KernelCall &call, const std::vector<std::int64_t> &positions) {
    const Shape &shape = call[0].shape();
    const auto count = static_cast<std::int64_t>(positions.size());
    QS_TRY(Tensor result, call.allocate(DType::Int64, Shape{shape.rank(), count}));
    std::int64_t *dst = result.mutableValues<std::int64_t>().data();
    for (std::int64_t i = 0; i < count; ++i) {
        std::int64_t rest = positions[static_cast<std::size_t>(i)];
        for (int axis = shape.rank() - 1; axis >= 0; --axis) {
            dst[axis * count + i] = rest % shape[axis];
            rest /= shape[axis];
        }
    }
    return std::vector<Tensor>{std::move(result)};
}

Result<Kernel> nonZero(NodeReader &) {
    return widenHalfTypes([](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 1));
        return dispatch(NumberAndBoolTypes{}, call[0].dtype(),
                        [&]<typename T>() { return coordinates(call, nonZeroPositions<T>(call[0])); });
    });
}

/// The slices along an axis (without one: the elements) whose condition holds.
Result<Kernel> compress(NodeReader &reader) {
    std::optional<std::int64_t> axisGiven;
    if (reader.hasAttribute("axis"))
        axisGiven = reader.intAttribute("axis", 0);
    return Kernel([axisGiven](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 2));
        if (call[1].dtype() != DType::Bool || call[1].shape().rank() != 1)
            return fail(ErrorCode::InvalidArgument, "the condition must be a list of bool");
        const Tensor src = axisGiven ? call[0] : call[0].reshaped(Shape{call[0].numel()});
        QS_TRY(const int axis, normalizeAxis(axisGiven.value_or(0), src.shape().rank()));
        const std::vector<std::int64_t> kept = nonZeroPositions<bool>(call[1]);
        if (!kept.empty() && kept.back() >= src.shape()[axis])
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("the condition selects slice {} of {}", kept.back(), src.shape()[axis]));
        QS_TRY(Tensor result, copySlices(call, src, axis, kept));
        return std::vector<Tensor>{std::move(result)};
    });
}

struct Box {
    float top, left, bottom, right; ///< top <= bottom, left <= right
    float area() const { return (bottom - top) * (right - left); }
};

/// \param center  the numbers are center x, center y, width, height; otherwise any two opposite corners
Box readBox(const float *numbers, bool center) {
    if (center) {
        const float x = numbers[0], y = numbers[1], halfWidth = numbers[2] / 2, halfHeight = numbers[3] / 2;
        return {y - halfHeight, x - halfWidth, y + halfHeight, x + halfWidth};
    }
    return {std::min(numbers[0], numbers[2]), std::min(numbers[1], numbers[3]),
            std::max(numbers[0], numbers[2]), std::max(numbers[1], numbers[3])};
}

/// Intersection over union; 0 where a box is empty.
float overlap(const Box &a, const Box &b) {
    const float height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
    const float width = std::min(a.right, b.right) - std::max(a.left, b.left);
    if (!(height > 0 && width > 0))
        return 0;
    const float common = height * width;
    return common / (a.area() + b.area() - common);
}

struct Suppression {
    std::int64_t most = 0; ///< boxes of one class
    float overlapLimit = 0;
    std::optional<float> scoreLimit;
};

/// The boxes of one class that stay, best first: none overlaps a better one by more than the limit.
std::vector<std::int64_t> keptBoxes(const std::vector<Box> &boxes, const float *scores,
                                    const Suppression &rule, const RunContext &ctx) {
    std::vector<std::int64_t> candidates, kept;
    for (std::size_t i = 0; i < boxes.size(); ++i)
        if (!rule.scoreLimit || scores[i] > *rule.scoreLimit)
            candidates.push_back(static_cast<std::int64_t>(i));
    std::stable_sort(candidates.begin(), candidates.end(),
                     [scores](std::int64_t a, std::int64_t b) { return scores[a] > scores[b]; });
    for (const std::int64_t candidate : candidates) {
        if (static_cast<std::int64_t>(kept.size()) >= rule.most || ctx.cancelled())
            break;
        const Box &box = boxes[static_cast<std::size_t>(candidate)];
        if (std::none_of(kept.begin(), kept.end(), [&](std::int64_t better) {
                return overlap(boxes[static_cast<std::size_t>(better)], box) > rule.overlapLimit;
            }))
            kept.push_back(candidate);
    }
    return kept;
}

/// Operand `index` as a number, or the fallback. \error InvalidArgument  it is no scalar, or NaN
Result<double> scalarOperand(const KernelCall &call, std::size_t index, double fallback) {
    if (!call.has(index))
        return fallback;
    QS_TRY(const Tensor value, castTensor(call[index], DType::Float64));
    if (value.numel() != 1 || std::isnan(value.values<double>()[0]))
        return fail(ErrorCode::InvalidArgument, fmt::format("input {} must be a number", index));
    return value.values<double>()[0];
}

Result<Suppression> readSuppression(const KernelCall &call) {
    Suppression rule;
    QS_TRY(const double most, scalarOperand(call, 2, 0));
    QS_TRY(const double limit, scalarOperand(call, 3, 0));
    QS_TRY(const double score, scalarOperand(call, 4, 0));
    if (limit < 0 || limit > 1)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("the limit of intersection over union is {}, not between 0 and 1", limit));
    rule.most = static_cast<std::int64_t>(std::clamp(most, 0.0, 1e15));
    rule.overlapLimit = static_cast<float>(limit);
    if (call.has(4))
        rule.scoreLimit = static_cast<float>(score);
    return rule;
}

Status checkBoxes(const KernelCall &call) {
    const Shape &boxes = call[0].shape(), &scores = call[1].shape();
    if (call[0].dtype() != DType::Float32 || call[1].dtype() != DType::Float32 || boxes.rank() != 3 ||
        boxes[2] != 4 || scores.rank() != 3 || scores[0] != boxes[0] || scores[2] != boxes[1])
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("boxes of shape {} with scores of shape {}", boxes.text(), scores.text()));
    for (const float score : call[1].values<float>())
        if (std::isnan(score))
            return fail(ErrorCode::InvalidArgument, "a score is not a number");
    return {};
}

/// Rows of batch, class and box, for every box that stays.
Result<Kernel> nonMaxSuppression(NodeReader &reader) {
    const bool center = reader.flag("center_point_box", false);
    return Kernel([center](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 2));
        QS_CHECK_OK(checkBoxes(call));
        QS_TRY(const Suppression rule, readSuppression(call));
        const std::int64_t count = call[0].shape()[1], classes = call[1].shape()[1];
        std::vector<std::int64_t> rows;
        const std::int64_t batches = call[1].numel() == 0 ? 0 : call[1].shape()[0];
        for (std::int64_t batch = 0; batch < batches; ++batch) {
            std::vector<Box> boxes;
            for (std::int64_t i = 0; i < count; ++i)
                boxes.push_back(readBox(call[0].values<float>().data() + (batch * count + i) * 4, center));
            for (std::int64_t c = 0; c < classes; ++c) {
                const float *scores = call[1].values<float>().data() + (batch * classes + c) * count;
                for (const std::int64_t box : keptBoxes(boxes, scores, rule, call.ctx))
                    rows.insert(rows.end(), {batch, c, box});
                if (call.ctx.cancelled())
                    return RunContext::cancelledError();
            }
        }
        const auto found = static_cast<std::int64_t>(rows.size() / 3);
        return std::vector<Tensor>{Tensor::fromValues<std::int64_t>(Shape{found, 3}, rows)};
    });
}

constexpr KernelEntry kEntries[] = {
    {"NonZero", 9, nonZero},
    {"Compress", 9, compress},
    {"NonMaxSuppression", 10, nonMaxSuppression},
};

} // namespace

KernelFamily selectionKernels() {
    return kEntries;
}

} // namespace qs
