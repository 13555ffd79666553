#include "core/exec/shape_rules.h"

#include "core/exec/reference/axes.h"

#include <array>
#include <fmt/format.h>

namespace qs {
namespace {

using Shapes = Result<std::vector<Shape>>;

tl::unexpected<Error> misfit(const std::string &what) {
    return fail(ErrorCode::InvalidArgument, what);
}

Shapes pad(const ShapeQuery &query) {
    if (!query.has(0))
        return misfit("operand 0 is missing");
    QS_TRY(const auto pads, query.integersOf("pads", 1));
    std::optional<std::vector<std::int64_t>> axes;
    if (query.has(3)) {
        QS_TRY(axes, query.integers(3));
    }
    Shape shape = query.shape(0);
    const std::size_t count = axes ? axes->size() : static_cast<std::size_t>(shape.rank());
    if (!pads || pads->size() != 2 * count)
        return misfit("the padding does not fit the axes");
    for (std::size_t i = 0; i < count; ++i) {
        QS_TRY(const int axis, normalizeAxis(axes ? (*axes)[i] : static_cast<std::int64_t>(i), shape.rank()));
        if (std::int64_t &dim = shape[axis]; __builtin_add_overflow(dim, (*pads)[i], &dim) ||
                                             __builtin_add_overflow(dim, (*pads)[i + count], &dim) || dim < 0)
            return misfit("the padding is too large");
    }
    return std::vector<Shape>{std::move(shape)};
}

Shapes oneHot(const ShapeQuery &query) {
    if (!query.has(0) || !query.has(1))
        return misfit("indices or depth are missing");
    QS_TRY(const auto depth, query.integers(1));
    std::vector<std::int64_t> dims = query.shape(0).dims();
    QS_TRY(const int axis, normalizeAxis(query.node.intAttribute("axis", -1), query.shape(0).rank() + 1));
    if (depth.size() != 1 || depth[0] < 0)
        return misfit("the depth is no number >= 0");
    dims.insert(dims.begin() + axis, depth[0]);
    return std::vector<Shape>{Shape(std::move(dims))};
}

Shapes topK(const ShapeQuery &query) {
    if (!query.has(0))
        return misfit("operand 0 is missing");
    QS_TRY(const auto byInput, query.has(1) ? query.integers(1) : Result<std::vector<std::int64_t>>());
    Shape shape = query.shape(0);
    QS_TRY(const int axis, normalizeAxis(query.node.intAttribute("axis", -1), shape.rank()));
    const std::int64_t k = byInput.empty() ? query.node.intAttribute("k", -1) : byInput[0];
    if (k < 0 || k > shape[axis])
        return misfit(fmt::format("the first {} of {} elements", k, shape[axis]));
    shape[axis] = k;
    return std::vector<Shape>{shape, shape};
}

/// \param sign  1: channels become pixels
template <int Sign>
Shapes blocks(const ShapeQuery &query) {
    const std::int64_t b = query.node.intAttribute("blocksize", 0);
    if (!query.has(0) || query.shape(0).rank() != 4 || b < 1 || b > (1 << 20))
        return misfit("blocks of what is no image");
    Shape shape = query.shape(0);
    if (Sign > 0 ? shape[1] % (b * b) != 0 : shape[2] % b != 0 || shape[3] % b != 0)
        return misfit(fmt::format("blocks of {} for a tensor of shape {}", b, shape.text()));
    std::array<std::int64_t *, 2> grows{&shape[1], &shape[1]};
    if (Sign > 0) {
        shape[1] /= b * b;
        grows = {&shape[2], &shape[3]};
    } else {
        shape[2] /= b;
        shape[3] /= b;
    }
    for (std::int64_t *dim : grows)
        if (__builtin_mul_overflow(*dim, b, dim))
            return misfit("the image is too large");
    return std::vector<Shape>{std::move(shape)};
}

Shapes fromData(const ShapeQuery &) {
    return fail(ErrorCode::Unsupported, "how many elements there are depends on what the inputs hold");
}

constexpr ShapeRuleEntry kEntries[] = {
    {"Pad", pad},
    {"OneHot", oneHot},
    {"TopK", topK},
    {"DepthToSpace", blocks<1>},
    {"SpaceToDepth", blocks<-1>},
    {"CastLike", shapeOfFirstOperand},
    {"EyeLike", shapeOfFirstOperand},
    {"ReverseSequence", shapeOfFirstOperand},
    {"Scatter", shapeOfFirstOperand},
    {"Swish", shapeOfFirstOperand},
    {"Compress", fromData},
    {"NonMaxSuppression", fromData},
    {"NonZero", fromData},
    {"Unique", fromData},
};

} // namespace

std::span<const ShapeRuleEntry> rearrangementShapeRules() {
    return kEntries;
}

} // namespace qs
