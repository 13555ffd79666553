#pragma once

#include "core/quant/range_rule.h"
#include "core/tensor/tensor.h"

#include <cstdint>
#include <vector>

namespace qs {

/// The elements that a quantizer takes to 0, its kernel: what it destroys altogether.
struct QuantizationKernel {
    std::vector<std::uint8_t> members; ///< by element: 1 where the code is 0
    std::int64_t count = 0;            ///< of members
    std::int64_t zeros = 0;            ///< elements that were 0 already, when they are left out of both
    double mse = 0;                    ///< of all elements

    /// Share of the elements that were counted; 0 of nothing.
    double proportion() const;
};

/// Kernel of an activation quantizer with the step t^alpha c^(1 − alpha) / highest code: alpha 1 is one scale
/// a token, 0 one a channel, between them CrossQuant. Sums in float64. \param values         float32, at
/// least one axis, finite \param channelsFirst  as crossQuantize() \param excludeZeros   elements that are
/// exactly 0 lose nothing: leave them out \thread pure \source Liu et al. 2024, arXiv:2410.07505; methods A,
/// A21
QuantizationKernel quantizationKernel(const Tensor &values, double alpha, const GridScheme &scheme,
                                      bool channelsFirst, bool excludeZeros = false);

} // namespace qs
