#pragma once

#include "plugins/transform/site.h"

namespace qs {

struct DilationScale {
    std::vector<float> scale;   ///< [channels] >= 1
    std::int64_t saturated = 0; ///< channels that hold the least or largest weight of some slice
};

/// The factor by which each input channel of the weights can grow without any slice (row, or group of a row)
/// becoming wider: s_k = min over slices of max/w_k (w_k > 0) and min/w_k (w_k < 0), over all kernel taps.
/// Channels that hold an end of a slice keep 1, as does every channel of a depthwise convolution.
///
/// \param cap  largest factor, also that of channels whose weights are all 0
/// \source Liu et al. 2024, arXiv:2409.14307; methods A, A15
DilationScale dilationScale(const SiteData &site, double cap);

} // namespace qs
