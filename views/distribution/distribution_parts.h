#pragma once

#include "views/distribution/distribution_data.h"

namespace qs::views {

// The steps of prepareDistribution(). They fill `data`, whose request is set.

Status prepareWeightDistribution(DistributionData &data, const EarlyDistribution &early,
                                 const RunContext &ctx);
Status prepareActivationDistribution(DistributionData &data, const RunContext &ctx);

/// Statistics, bins and errors of raw values. \param quantized  as many, or none
Status binRawValues(DistributionData &data, std::span<const float> values, std::span<const float> quantized,
                    const RunContext &ctx);

/// "4 bit, symmetric s1".
std::string gridText(int bits, GridConvention convention);
void setGridPoints(GridPoints &points, ScaleZero grid, int bits, GridConvention convention);
/// Whether rounding a value would need a code that the grid does not have.
bool isClipped(double value, ScaleZero grid, CodeRange range);

inline constexpr double kCentralShare = 0.999;

} // namespace qs::views
