#pragma once

#include <span>

namespace qs {

/// Largest over median of channel magnitudes (max |x| of each channel): how far the worst channel stands out.
/// 1 when all are alike, 0 when the median is 0. Non-finite magnitudes are left out. \source methods B6 6.4,
/// channel rule
double outlierScore(std::span<const float> channelMagnitudes);

/// Channels above this many medians are called outliers.
inline constexpr double kOutlierThreshold = 8;

} // namespace qs
