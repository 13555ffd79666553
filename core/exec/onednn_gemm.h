#pragma once

#include "core/base/run_context.h"

namespace qs {

/// A row-major float matrix as an operand of a product: `data` holds rows of `stride` floats.
struct GemmOperand {
    const float *data = nullptr;
    std::int64_t stride = 0;
    bool transposed = false; ///< the product reads its transpose
};

struct GemmSize {
    std::int64_t m = 0, n = 0, k = 0;
};

/// dst[m, n] = alpha · a[m, k] · b[k, n] + beta · dst on the calling thread, by oneDNN. Rows of dst are
/// `dstStride` floats apart. \error OutOfMemory  oneDNN found no scratch memory
Status gemmOnThisThread(GemmSize size, float alpha, GemmOperand a, GemmOperand b, float beta, float *dst,
                        std::int64_t dstStride);

/// The same, cut into blocks of rows or columns that depend on the sizes only, so that any number of threads
/// gives the same bits. \error Cancelled, OutOfMemory
Status gemm(GemmSize size, float alpha, GemmOperand a, GemmOperand b, float beta, float *dst,
            std::int64_t dstStride, const RunContext &ctx);

} // namespace qs
