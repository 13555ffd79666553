#pragma once

#include "plugins/transform/site.h"

namespace qs {

/// A grid for every channel: step size and zero point. Codes 0..2^bits − 1; the range need not hold 0.
struct ChannelGrids {
    std::vector<double> step;      ///< [channels] > 0
    std::vector<double> zeroPoint; ///< [channels], integers
};

/// Ends of the range of one channel, (q, 1 − q) quantiles with the q among 0.999, 0.9999, 0.99999 whose grid
/// has the least squared error. Quantiles interpolate linearly.
/// \param values  at least one; sorted
struct ChannelRange {
    double lo = 0, hi = 0;
};
ChannelRange percentileRange(std::span<const float> sorted, int bits);
/// The ends moved inwards, each alone, by the pair of factors in {lowest, ..., 1} whose grid has the least
/// squared error. \param steps  factors, >= 2 \source methods A, A14 (i): the grid form of dual clipping
ChannelRange dualClippedRange(std::span<const float> sorted, ChannelRange range, int bits, double lowest,
                              int steps);

struct ReparameterizationOptions {
    int bits = 8;
    bool dualClipping = false;
    double lowestFactor = 0.5; ///< of dual clipping
    int factorSteps = 26;
};

/// What turns grids per channel into one grid, and that grid.
struct Reparameterization {
    ChannelChange change; ///< scale s_j / s̃, shift −s_j (z_j − z̃)
    ChannelGrids grids;
    double step = 1;                  ///< s̃ = mean of s_j
    double zeroPoint = 0;             ///< z̃ = mean of z_j, rounded
    std::int64_t flooredChannels = 0; ///< almost constant: s_j raised to 1e-3 s̃
};

/// Calibrates a grid per channel on the inputs and finds the change that makes them equal. Activation codes
/// of the layer-wise grid after the change equal those per channel before it.
///
/// \param site  needs inputs
/// \error Cancelled
/// \thread parallel over channels; the result does not depend on the thread count
/// \source Li et al. 2022, arXiv:2212.08254, eqs. 6-9; methods A, A13
Result<Reparameterization> reparameterizeNorm(const SiteData &site, const ReparameterizationOptions &options,
                                              const TransformServices &services);

/// How many activation codes the change alters, of all inputs: 0 but for values within rounding of a tie.
std::int64_t differingCodes(const SiteData &site, const Reparameterization &result, int bits);

} // namespace qs
