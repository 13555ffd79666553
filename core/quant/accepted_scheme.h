#pragma once

#include "core/quant/quantizer.h"

#include <span>

namespace qs {

/// All that a method may judge a weight by before it is read: the matrix [rows, cols] of a layer.
struct WeightExtent {
    std::int64_t rows = 0, cols = 0, groups = 1;

    auto operator<=>(const WeightExtent &) const = default;
};

/// The parts of a scheme that somebody asked for.
struct AskedScheme {
    bool bits = false, convention = false, granularity = false, groupSize = false, scaleAsFloat16 = false;
};

/// The scheme nearest to `wished` with which the method takes one of the weights: `wished` itself where it
/// does, else with few parts changed, bits as the last. Some methods are a format and take one scheme only.
/// \param parameters  of the method, complete
/// \param asked       what must stay
/// \return nothing when no such scheme is taken
std::optional<WeightGridScheme> acceptedScheme(const Quantizer &method, const nlohmann::json &parameters,
                                               const WeightGridScheme &wished,
                                               std::span<const WeightExtent> weights,
                                               const AskedScheme &asked = {});

} // namespace qs
