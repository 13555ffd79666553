#pragma once

#include "core/tensor/shape.h"

namespace qs {

/// A batched matrix product [batch…, m, k] · [batch…, k, n] under numpy's rules.
struct MatmulShape {
    Shape result; ///< vectors on either side lose their added dimension again
    std::int64_t batch = 1, m = 1, n = 1, k = 1;
    std::vector<std::int64_t> aMatrix, bMatrix; ///< index of the matrix of a and b for every batch entry

    /// \error InvalidArgument  the shapes do not fit; names both
    static Result<MatmulShape> of(const Shape &a, const Shape &b);
};

} // namespace qs
