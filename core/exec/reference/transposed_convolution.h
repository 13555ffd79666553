#pragma once

#include "core/exec/reference/sliding_window.h"

namespace qs {

/// Sizes of one transposed convolution.
struct TransposedPlan {
    /// The convolution that this one transposes: it reads the result (src) and writes the input (dst).
    WindowPlan window;
    Shape result; ///< [N, channels, spatial…]
};

/// The attributes of ConvTranspose.
struct TransposedAttributes {
    WindowAttributes window;
    std::vector<std::int64_t> outputPadding, outputShape; ///< of the spatial axes; empty where absent
    std::int64_t group = 1;

    /// \error Unsupported  as WindowAttributes, and negative output padding
    static Result<TransposedAttributes> read(NodeReader &reader);
    /// \param x [N, C, spatial…] \param w [C, channels / group, spatial…]
    /// \error InvalidArgument  the shapes do not fit each other or the attributes
    Result<TransposedPlan> plan(const Shape &x, const Shape &w) const;
    /// The same for the operands x, w and an optional bias, which it checks, too.
    Result<TransposedPlan> plan(const KernelCall &call) const;

private:
    Result<WindowPlan> planWindow(const Shape &x, const Shape &w) const;
};

} // namespace qs
