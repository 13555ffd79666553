#pragma once

#include "core/exec/kernel.h"

namespace qs {

/// A batched matrix product [batch…, m, k] · [batch…, k, n] under numpy's rules.
struct MatmulShape {
    Shape result; ///< vectors on either side lose their added dimension again
    std::int64_t batch = 1, m = 1, n = 1, k = 1;
    std::vector<std::int64_t> aMatrix, bMatrix; ///< index of the matrix of a and b for every batch entry

    /// \error InvalidArgument  the shapes do not fit; names both
    static Result<MatmulShape> of(const Shape &a, const Shape &b);
};

/// The product of int32 operands; sums wrap around to int32 at the end.
Outputs multiplyInt32(const KernelCall &call, const MatmulShape &plan);

} // namespace qs
