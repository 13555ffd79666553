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

/// Multiplications in one block: about 50 µs of work.
constexpr std::int64_t kBlockWork = 2'000'000;

std::int64_t blockLength(std::int64_t length, std::int64_t workPerLine) {
    constexpr std::int64_t kMultiple = 16; // what the kernels inside oneDNN handle at a time
    const std::int64_t lines = kBlockWork / std::max<std::int64_t>(1, workPerLine) / kMultiple * kMultiple;
    return std::clamp<std::int64_t>(lines, std::min(length, 2 * kMultiple), length);
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
    // Few rows: cut the columns, so that the large operand is read once.
    const bool byColumns = size.m < 128 && size.n >= 2 * size.m;
    const std::int64_t length = byColumns ? size.n : size.m;
    if (length == 0)
        return {};
    const std::int64_t block = blockLength(length, size.k * (byColumns ? size.m : size.n));
    return parallelTasks((length + block - 1) / block, ctx, [&](std::int64_t task) {
        const std::int64_t begin = task * block, count = std::min(block, length - begin);
        GemmOperand rows = a, columns = b;
        if (byColumns) {
            columns.data += begin * (b.transposed ? b.stride : 1);
            return gemmOnThisThread({size.m, count, size.k}, alpha, rows, columns, beta, dst + begin,
                                    dstStride);
        }
        rows.data += begin * (a.transposed ? 1 : a.stride);
        return gemmOnThisThread({count, size.n, size.k}, alpha, rows, columns, beta, dst + begin * dstStride,
                                dstStride);
    });
}

Status parallelTasks(std::int64_t count, const RunContext &ctx,
                     const std::function<Status(std::int64_t task)> &body) {
    std::vector<Status> results(static_cast<std::size_t>(count));
    QS_CHECK_OK(parallelFor(count, 1, ctx, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t task = begin; task < end; ++task)
            results[static_cast<std::size_t>(task)] = body(task);
    }));
    for (Status &result : results)
        QS_CHECK_OK(std::move(result));
    return {};
}

} // namespace qs
