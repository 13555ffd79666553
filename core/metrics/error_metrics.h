#pragma once

#include <cstdint>
#include <span>

namespace qs {

/// Difference between a reference x and its approximation y, e = y - x. Mergeable; sums in float64. Elements
/// that are the same infinity in both, as masked logits are, are left out.
/// \source methods B6 6.1
struct ErrorMetrics {
    std::int64_t count = 0;
    double sumSquaredError = 0; ///< Σ e²
    double sumSquares = 0;      ///< Σ x²
    double sumSquaresOther = 0; ///< Σ y²
    double sumProducts = 0;     ///< Σ x y
    double maxAbsError = 0;

    void add(std::span<const float> reference, std::span<const float> other);
    void merge(const ErrorMetrics &part);

    double mse() const;      ///< Σe²/n
    double sqnrDb() const;   ///< 10 log10(Σx²/Σe²); kMaxSqnrDb when equal
    double cosine() const;   ///< <x,y>/(|x||y|); 1 when both are zero
    double relative() const; ///< Σe²/Σx²; 0 when equal, infinity when only the reference is zero

    static constexpr double kMaxSqnrDb = 150.0; ///< what an exact match shows as
};

} // namespace qs
