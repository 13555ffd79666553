#pragma once

#include "core/base/result.h"
#include "core/tensor/matrix_view.h"
#include "plugins/support/solver_services.h"

#include <vector>

namespace qs {

/// A layer that reads the site.
struct SiteReader {
    MatrixView<const float> weights; ///< [rows, channels * taps], the taps of a channel side by side
    std::int64_t taps = 1;           ///< 1 but for convolutions
    bool depthwise = false;          ///< one row; each channel is a slice of its own
    std::int64_t groupSize = 0;      ///< columns that share a scale; 0: a row, or coarser
    int bits = 0;                    ///< of its weight; 0 = stays in float
    int activationBits = 0;          ///< of what it reads; 0 = stays in float
};

/// An activation tensor that enters layers, with what calibration saw of it. Empty spans: not known.
struct SiteData {
    std::int64_t channels = 0;
    std::vector<SiteReader> readers;
    std::span<const float> minimum, maximum, meanMagnitude; ///< [channels]
    MatrixView<const float> inputs;                         ///< [tokens, channels]; empty for convolutions
    MatrixView<const double> hessian;                       ///< 2/n Σ x xᵀ, [channels, channels]
    GridConvention activationConvention = GridConvention::Asymmetric;

    /// The least bits of any reader, 0 when all stay in float.
    int activationBits() const;
};

/// The change of a site: x' = (x − shift) / scale; readers multiply their columns by scale and add W·shift to
/// their biases.
struct ChannelChange {
    std::vector<float> scale; ///< [channels] > 0
    std::vector<float> shift; ///< [channels]

    static ChannelChange none(std::int64_t channels);
};

/// What the mathematics asks its caller besides (fitGrid stays empty). All safe to call from any thread.
struct TransformServices : SolverServices {
    /// Weights [rows, channels * taps] of a reader as they come back from its grid.
    std::function<void(std::size_t reader, std::span<const float> weights, std::span<float> dequantized)>
        quantize;
    std::function<std::uint64_t(std::uint64_t index)> randomBits; ///< pure function of the index
};

/// Largest |x| of every channel over calibration, [channels].
std::vector<float> inputMagnitude(const SiteData &site);
/// Largest |w| that any reader multiplies a channel with, [channels].
std::vector<float> weightMagnitude(const SiteData &site);
/// W · diag(scale) of a reader, [rows, channels * taps].
std::vector<float> scaledWeights(const SiteReader &reader, std::span<const float> scale);

} // namespace qs
