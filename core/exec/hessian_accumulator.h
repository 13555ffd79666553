#pragma once

#include "core/base/run_context.h"
#include "core/graph/layer.h"

#include <span>
#include <vector>

namespace qs {

/// Sums x xᵀ over the rows that a layer multiplies its weight with: tokens of a linear layer, im2col patches
/// of a convolution (one matrix per convolution group).
class HessianAccumulator {
public:
    /// \error Unsupported  a convolution over three or more spatial axes
    static Result<HessianAccumulator> create(const Layer &layer, const ModelGraph &graph);

    /// \param input    float32 activation that enters the layer, any batch size
    /// \param weights  [rows of the input] >= 0, how often each counts; empty = once. Linear layers only
    /// \thread parallel over tiles of the matrix; the sums do not depend on the thread count
    Status add(const Tensor &input, std::span<const double> weights, const RunContext &ctx);

    /// H = 2/n Σ w x xᵀ, float64 [groups, cols, cols]; n = Σ w.
    /// \source methods A 0.1
    Tensor finish() const;

    /// Layers that read the same activation in the same way have the same matrix.
    bool sameAs(const HessianAccumulator &other) const;

private:
    struct Window { ///< how a convolution slides; 1-D convolutions have height 1
        std::int64_t kernelH = 1, kernelW = 1, strideH = 1, strideW = 1, dilationH = 1, dilationW = 1;
        std::int64_t padTop = 0, padLeft = 0, padBottom = 0, padRight = 0;
        std::string autoPad;
        auto operator<=>(const Window &) const = default;
    };
    static Result<Window> windowOf(const Layer &layer, const Node &node);
    Window padded(std::int64_t height, std::int64_t width) const;
    Status addConv(const Tensor &input, const RunContext &ctx);
    /// Adds rows [rows, cols] of group `group`.
    Status addRows(const float *values, std::span<const double> weights, std::int64_t rows,
                   std::int64_t group, const RunContext &ctx);

    ValueId m_input = kNoValue;
    bool m_isConv = false;
    Window m_window;
    std::int64_t m_groups = 1, m_cols = 0;
    double m_count = 0; ///< rows seen per group, as often as they count
    /// float64 [groups, cols, cols], empty before the first row; only the lower triangle of tiles is filled.
    Tensor m_sum;
};

} // namespace qs
