#include "core/exec/reference/matmul_shape.h"

#include <fmt/format.h>

namespace qs {
namespace {

/// Index of an operand's matrix for every entry of the broadcast batch, which is counted in row-major order.
std::vector<std::int64_t> matrixIndices(const Shape &batch, const Shape &own) {
    const std::vector<std::int64_t> strides = own.strides();
    std::vector<std::int64_t> indices(static_cast<std::size_t>(batch.numel()));
    for (std::size_t i = 0; i < indices.size(); ++i) {
        auto rest = static_cast<std::int64_t>(i);
        for (int axis = batch.rank() - 1, at = own.rank() - 1; axis >= 0; --axis, --at) {
            if (at >= 0 && own[at] != 1)
                indices[i] += rest % batch[axis] * strides[static_cast<std::size_t>(at)];
            rest /= batch[axis];
        }
    }
    return indices;
}

Shape leading(const Shape &shape) {
    return Shape(std::vector<std::int64_t>(shape.begin(), shape.end() - std::min(2, shape.rank())));
}

} // namespace

Result<MatmulShape> MatmulShape::of(const Shape &a, const Shape &b) {
    if (a.rank() == 0 || b.rank() == 0)
        return fail(ErrorCode::InvalidArgument, "a scalar is no matrix");
    MatmulShape plan;
    plan.m = a.rank() == 1 ? 1 : a[a.rank() - 2];
    plan.k = a[a.rank() - 1];
    plan.n = b.rank() == 1 ? 1 : b[b.rank() - 1];
    if (b[b.rank() == 1 ? 0 : b.rank() - 2] != plan.k)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("shapes {} and {} cannot be multiplied", a.text(), b.text()));
    const Shape aBatch = leading(a), bBatch = leading(b);
    QS_TRY(const Shape batch, broadcastShapes(aBatch, bBatch));
    QS_TRY(plan.batch, batch.checkedNumel());
    std::vector<std::int64_t> dims = batch.dims();
    if (a.rank() > 1)
        dims.push_back(plan.m);
    if (b.rank() > 1)
        dims.push_back(plan.n);
    plan.result = Shape(std::move(dims));
    // A broadcast batch can be far larger than what exists; the result would not fit either.
    QS_CHECK_OK(plan.result.checkedNumel());
    if (plan.result.numel() == 0) {
        plan.batch = 0;
        return plan;
    }
    constexpr std::int64_t kMostMatrices = std::int64_t{1} << 25;
    if (plan.batch > kMostMatrices)
        return fail(ErrorCode::OutOfMemory, fmt::format("a batch of {} matrices", plan.batch));
    plan.aMatrix = matrixIndices(batch, aBatch);
    plan.bMatrix = matrixIndices(batch, bBatch);
    return plan;
}

} // namespace qs
