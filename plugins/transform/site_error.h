#pragma once

#include "plugins/transform/site.h"

#include <optional>

namespace qs {

/// Mean squared error of what the readers of a site compute, when their weights are scaled, rounded and
/// scaled back: Σ tr(E H Eᵀ) / (2 Σ rows) with E = Q(W diag s) diag(1/s) − W. Activations stay exact. Readers
/// whose weights stay in float add nothing but their rows.
///
/// \param site   needs the Hessian; taps = 1
/// \param scale  [channels] > 0
/// \error Cancelled
/// \thread parallel over rows; the result does not depend on the thread count
/// \source methods A, A6
Result<double> weightOutputError(const SiteData &site, std::span<const float> scale,
                                 const TransformServices &services);

/// The same with rounded activations: mean of (x Wᵀ − [x̂' Ŵ'ᵀ + W shift])² over the tokens of the site, where
/// x̂' lies on one static grid over the calibrated range of x'.
///
/// \param site   needs inputs, minimum and maximum; taps = 1
/// \error Cancelled
/// \thread parallel over tokens; the result does not depend on the thread count
/// \source methods A, A7
Result<double> siteOutputError(const SiteData &site, const ChannelChange &change,
                               const TransformServices &services);

/// The best change of a search.
struct ChangeSearch {
    std::optional<double> ratio; ///< of the best candidate; none: nothing beats leaving the site as it is
    ChannelChange change;
    double error = 0, unchangedError = 0;
};

/// Tries a change for every ratio and keeps the one with the least error; of equals the first.
/// \error Cancelled; what `error` reports
Result<ChangeSearch> searchChange(std::int64_t channels, std::span<const double> ratios,
                                  const std::function<ChannelChange(double ratio)> &change,
                                  const std::function<Result<double>(const ChannelChange &change)> &error,
                                  const TransformServices &services);

} // namespace qs
