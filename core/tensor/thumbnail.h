#pragma once

#include "core/tensor/matrix_view.h"
#include "core/tensor/tensor.h"

namespace qs {

/// A matrix reduced to at most `side` cells each way: every cell is the entry of largest magnitude among
/// those that fall on it, with its sign, so no outlier is lost; a NaN beats all. A smaller matrix is copied
/// as it is. \return float32 [min(rows, side), min(cols, side)]
Tensor thumbnail(MatrixView<const float> values, std::int64_t side);

} // namespace qs
