#pragma once

#include <cstdint>

namespace qs {

/// Seeded generator with the same sequence on every platform and compiler (SplitMix64).
/// \source Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014
class Random {
public:
    explicit Random(std::uint64_t seed) : m_state(seed) {}

    std::uint64_t next();
    /// Uniform in [0, bound); bound > 0.
    std::uint64_t below(std::uint64_t bound);
    /// Uniform in [0, 1), 53 random bits.
    double uniform();
    /// Standard normal (Box-Muller, cosine branch).
    double normal();

private:
    std::uint64_t m_state;
};

} // namespace qs
