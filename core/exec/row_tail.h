#pragma once

#include "core/base/run_context.h"
#include "core/tensor/tensor.h"

namespace qs {

/// What becomes of a matrix product before anybody else sees it: a bias for every column, then an activation
/// that exporters write as several nodes. It does to each element what these nodes do, so fusing them changes
/// no bit.
struct RowTail {
    enum class Activation { None, Gelu, Silu };

    std::vector<float> bias; ///< one per column; empty: none
    Activation activation = Activation::None;
    /// Of GELU: ((erf(x / divisor) + one) · x) · half.
    float divisor = 1, one = 1, half = 0.5f;

    /// Elements of a row must be a multiple of this: then all of them take the vector form of the functions,
    /// as they do in a kernel that runs through a whole tensor.
    static constexpr std::int64_t kMultiple = 16;

    /// Changes a float32 tensor with rows along its last axis. \thread parallel over rows  \error Cancelled
    Status apply(Tensor &tensor, const RunContext &ctx) const;
};

} // namespace qs
