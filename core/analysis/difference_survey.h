#pragma once

#include "core/base/run_context.h"
#include "core/graph/model.h"

#include <functional>

namespace qs {

/// How a weight changed between two checkpoints. Values that are not finite are counted and left out.
struct WeightChange {
    LayerId layer = kNoLayer;
    std::int64_t count = 0;                                                   ///< finite in both
    std::int64_t notFinite = 0;                                               ///< in one of them
    std::int64_t unchanged = 0;                                               ///< equal in both
    double baseSquares = 0, tunedSquares = 0, deltaSquares = 0, products = 0; ///< Σ b², Σ t², Σ (t−b)², Σ t·b
    double deltaMagnitudes = 0;                                               ///< Σ |t − b|
    double largest = 0;                                                       ///< max |t − b|

    double baseNorm() const;  ///< Frobenius
    double deltaNorm() const; ///< Frobenius
    /// ‖t − b‖ / ‖b‖; infinite for a base of zeros that changed.
    double relativeNorm() const;
    /// ⟨t, b⟩ / (‖t‖ ‖b‖), 1 for two weights of zeros.
    double cosine() const;
    double meanMagnitude() const; ///< of t − b: the scale of BitDelta
    double unchangedShare() const;
};

/// Measures the layers of a difference one after the other; two matrices are in memory at a time.
/// \param found  called after each layer; may be empty
/// \error InvalidArgument  the model is no difference;  Unsupported  no float value;  Cancelled
Result<std::vector<WeightChange>> surveyDifference(const Model &model,
                                                   const std::function<void(const WeightChange &)> &found,
                                                   const RunContext &ctx);

/// The sums of all layers, layer = kNoLayer.
WeightChange totalChange(const std::vector<WeightChange> &changes);

} // namespace qs
