#pragma once

#include "core/exec/reference/sliding_window.h"

namespace qs {

/// The attributes of ConvTranspose.
struct TransposedAttributes {
    WindowAttributes window;
    std::vector<std::int64_t> outputPadding, outputShape; ///< of the spatial axes; empty where absent
    std::int64_t group = 1;

    /// \error Unsupported  as WindowAttributes, and negative output padding
    static Result<TransposedAttributes> read(NodeReader &reader);
    /// The convolution that this one transposes: it reads the result (src of the plan) and writes the input
    /// (dst of the plan). \param x [N, C, spatial…] \param w [C, channels / group, spatial…]
    /// \error InvalidArgument  the shapes do not fit each other or the attributes
    Result<WindowPlan> plan(const Shape &x, const Shape &w) const;
    /// [N, channels, spatial…].
    Shape resultShape(const Shape &x, const Shape &w, const WindowPlan &plan) const;
};

} // namespace qs
