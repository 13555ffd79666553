#include "core/tensor/max_pool.h"

#include "core/base/parallel.h"

#include <atomic>
#include <cmath>

namespace qs {
namespace {

std::int64_t blocks(std::int64_t count, std::int64_t perBlock) {
    return (count + perBlock - 1) / perBlock;
}

/// Pools one row of points; returns how many of its elements are not finite.
std::int64_t poolRow(const MatrixSource &src, std::int64_t row, PooledMagnitudes &dst) {
    std::vector<float> values(static_cast<std::size_t>(src.cols()));
    std::int64_t notFinite = 0;
    const std::int64_t end = std::min(src.rows(), (row + 1) * dst.rowsPerPoint);
    for (std::int64_t r = row * dst.rowsPerPoint; r < end; ++r) {
        src.read(r, 0, values);
        for (std::int64_t c = 0; c < src.cols(); ++c) {
            const float magnitude = std::abs(values[static_cast<std::size_t>(c)]);
            const std::size_t point = dst.index(row, c / dst.colsPerPoint);
            notFinite += std::isfinite(magnitude) ? 0 : 1;
            // A NaN stays, whatever follows.
            if (dst.positions[point] < 0 || magnitude > dst.values[point] ||
                (std::isnan(magnitude) && !std::isnan(dst.values[point]))) {
                dst.values[point] = magnitude;
                dst.positions[point] = r * src.cols() + c;
            }
        }
    }
    return notFinite;
}

} // namespace

Result<PooledMagnitudes> poolMagnitudes(const MatrixSource &values, std::int64_t mostRows,
                                        std::int64_t mostCols, const RunContext &ctx) {
    PooledMagnitudes pooled;
    pooled.srcRows = values.rows();
    pooled.srcCols = values.cols();
    if (values.size() == 0)
        return pooled;
    pooled.rowsPerPoint = blocks(values.rows(), mostRows);
    pooled.colsPerPoint = blocks(values.cols(), mostCols);
    pooled.rows = blocks(values.rows(), pooled.rowsPerPoint);
    pooled.cols = blocks(values.cols(), pooled.colsPerPoint);
    pooled.values.resize(static_cast<std::size_t>(pooled.rows * pooled.cols));
    pooled.positions.assign(pooled.values.size(), -1);
    std::atomic<std::int64_t> notFinite{0}, done{0};
    QS_CHECK_OK(parallelFor(pooled.rows, 1, ctx, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row)
            notFinite += poolRow(values, row, pooled);
        ctx.step(done += end - begin, pooled.rows, "keeping the largest of every block");
    }));
    pooled.notFinite = notFinite;
    for (const float value : pooled.values)
        if (std::isfinite(value))
            pooled.highest = std::max(pooled.highest, value);
    return pooled;
}

} // namespace qs
