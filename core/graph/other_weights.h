#pragma once

#include "core/graph/layer.h"

namespace qs {

/// Operators that read weights of their own but are no layers.
struct OtherWeights {
    std::map<std::string, int> operators; ///< how many of each
    std::string first;                    ///< the first such node
    std::int64_t parameters = 0;
};

/// Transposed convolutions, recurrent operators, einsum, products whose weight is no matrix on the right, and
/// weights that the graph computes from constants (spectral norm): operators of the main graph that multiply
/// an activation with a constant of two axes or more, or with what is computed from one.
OtherWeights findOtherWeights(const ModelGraph &graph, const std::vector<Layer> &layers);

} // namespace qs
