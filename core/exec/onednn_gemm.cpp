#include "core/exec/onednn_gemm.h"

#include "core/base/parallel.h"

#include <omp.h>
#include <oneapi/dnnl/dnnl.h>

namespace qs {
namespace {

/// Debian's oneDNN runs its own OpenMP threads. Ours are oneTBB's: each of them uses oneDNN alone, or two
/// pools would fight for the cores.
class SerialOpenMp {
public:
    SerialOpenMp() : m_before(omp_get_max_threads()) {
        if (m_before != 1)
            omp_set_num_threads(1);
    }
    ~SerialOpenMp() {
        if (m_before != 1)
            omp_set_num_threads(m_before);
    }
    SerialOpenMp(const SerialOpenMp &) = delete;
    SerialOpenMp &operator=(const SerialOpenMp &) = delete;

private:
    int m_before;
};

/// Multiplications in one block at least, about 12 µs of work, and at most where there are columns to cut.
constexpr std::int64_t kLeastWork = 500'000, kMostWork = 50'000'000;

std::int64_t roundedUp(std::int64_t count, std::int64_t multiple) {
    return (count + multiple - 1) / multiple * multiple;
}

/// About eight blocks, if they are worth a thread. Every block packs the operand that it does not cut anew,
/// so they are large, and `multiple` is what the kernels inside oneDNN do at full speed.
std::int64_t blockLength(std::int64_t length, std::int64_t workPerLine, std::int64_t multiple) {
    const std::int64_t least = kLeastWork / std::max<std::int64_t>(1, workPerLine);
    const std::int64_t even = std::min<std::int64_t>(512, length / 8);
    return std::min(length, roundedUp(std::max<std::int64_t>({1, least, even}), multiple));
}

struct GemmBlock {
    std::int64_t rows, columns;
};

GemmBlock blockOf(GemmSize size) {
    constexpr std::int64_t kRows = 48, kColumns = 64, kManyColumns = 384;
    if (size.m < 256 && size.n >= size.m)
        return {size.m, blockLength(size.n, size.m * size.k, kColumns)};
    const std::int64_t rows = blockLength(size.m, size.n * size.k, kRows);
    return {rows, rows * size.n * size.k > kMostWork ? std::min(size.n, kManyColumns) : size.n};
}

} // namespace

Status gemmOnThisThread(GemmSize size, float alpha, GemmOperand a, GemmOperand b, float beta, float *dst,
                        std::int64_t dstStride) {
    if (size.m == 0 || size.n == 0)
        return {};
    if (size.k == 0) {
        for (std::int64_t row = 0; row < size.m; ++row)
            for (std::int64_t column = 0; column < size.n; ++column)
                dst[row * dstStride + column] *= beta;
        return {};
    }
    const SerialOpenMp serial;
    const dnnl_status_t status =
        dnnl_sgemm(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', size.m, size.n, size.k, alpha, a.data,
                   a.stride, b.data, b.stride, beta, dst, dstStride);
    if (status != dnnl_success)
        return fail(status == dnnl_out_of_memory ? ErrorCode::OutOfMemory : ErrorCode::InvalidArgument,
                    "oneDNN refused a matrix product");
    return {};
}

Status gemm(GemmSize size, float alpha, GemmOperand a, GemmOperand b, float beta, float *dst,
            std::int64_t dstStride, const RunContext &ctx) {
    if (size.m == 0 || size.n == 0)
        return {};
    const auto [blockRows, blockColumns] = blockOf(size);
    const std::int64_t across = (size.n + blockColumns - 1) / blockColumns;
    const std::int64_t down = (size.m + blockRows - 1) / blockRows;
    return parallelTasks(
        across * down, ctx, [&, blockRows = blockRows, blockColumns = blockColumns](auto task) {
            const std::int64_t row = task / across * blockRows, column = task % across * blockColumns;
            GemmOperand rows = a, columns = b;
            rows.data += row * (a.transposed ? 1 : a.stride);
            columns.data += column * (b.transposed ? b.stride : 1);
            return gemmOnThisThread(
                {std::min(blockRows, size.m - row), std::min(blockColumns, size.n - column), size.k}, alpha,
                rows, columns, beta, dst + row * dstStride + column, dstStride);
        });
}

} // namespace qs
