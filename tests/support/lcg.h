#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace qs::test {

/// Standard normal numbers of methods A 0.10: a generator that every language writes in two lines.
inline std::vector<double> lcgNormals(std::size_t count, std::uint32_t seed) {
    auto uniform = [&seed] {
        seed = 1664525u * seed + 1013904223u;
        return seed / 4294967296.0;
    };
    std::vector<double> normals(count);
    for (double &normal : normals) {
        const double u1 = std::max(uniform(), 1e-12);
        normal = std::sqrt(-2 * std::log(u1)) * std::cos(2 * 3.14159265358979323846 * uniform());
    }
    return normals;
}

inline std::vector<float> toFloats(const std::vector<double> &values) {
    return {values.begin(), values.end()};
}

} // namespace qs::test
