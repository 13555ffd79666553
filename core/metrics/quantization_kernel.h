#pragma once

#include "core/tensor/matrix_view.h"

#include <cstdint>
#include <vector>

namespace qs {

/// Symmetric activation quantizer whose step mixes the maxima of token and channel:
/// Δ_ij = t_i^α c_j^(1−α) / (2^(b−1) − 1), t_i = max_j |x_ij|, c_j = max_i |x_ij|. α = 1 is per token, α = 0
/// per channel. Nothing is ever clipped, for |x_ij| <= min(t_i, c_j).
/// \source Liu et al. 2024, arXiv:2410.07505; methods A, A21
class CrossQuantizer {
public:
    static constexpr double kPerToken = 1, kPerChannel = 0, kDefaultAlpha = 0.15;

    /// \param values  [tokens, channels], finite
    /// \param bits    2..8
    /// \param alpha   0..1
    CrossQuantizer(MatrixView<const float> values, int bits, double alpha);
    /// The same with channel maxima from elsewhere (calibration): larger values are clipped.
    CrossQuantizer(MatrixView<const float> values, std::vector<float> channelMaxima, int bits, double alpha);

    /// Step of an element; 0 in tokens or channels that are all 0.
    double step(std::int64_t token, std::int64_t channel) const;
    /// round(x / Δ), half to even; 0 where Δ is 0.
    int code(std::int64_t token, std::int64_t channel) const;

private:
    MatrixView<const float> m_values;
    std::vector<double> m_tokenFactor, m_channelFactor;
    double m_largestCode;
};

/// The elements that a quantizer takes to 0, its kernel: what it destroys altogether.
struct QuantizationKernel {
    std::vector<std::uint8_t> members; ///< [tokens * channels]: 1 where the code is 0
    std::int64_t count = 0;            ///< of members, without those that `zeros` counts
    std::int64_t zeros = 0;            ///< elements that are 0 already, when they are left out
    double mse = 0;                    ///< of all elements

    /// Share of the elements that were counted.
    double proportion() const;
};

/// \param excludeZeros  elements that are exactly 0 lose nothing: leave them out of members and share
/// \source methods A, A21
QuantizationKernel quantizationKernel(MatrixView<const float> values, int bits, double alpha,
                                      bool excludeZeros = false);

} // namespace qs
