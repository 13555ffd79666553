#pragma once

#include <cstdint>
#include <cstring>

/// Numbers that are computed side by side: sub-blocks of which each sums its own elements in
/// their order, or neighbours that do not depend on each other. Every operation gives the bits of the
/// plain one. The compiler's vector types need no instruction set; one that is missing makes them slower.
namespace qs {

// Only inline functions take these types, so no ABI is involved.
#pragma GCC diagnostic ignored "-Wpsabi"

#ifdef __AVX2__
inline constexpr std::size_t kLanes = 8;
#else
inline constexpr std::size_t kLanes = 4; // wider ones would be taken apart element by element
#endif
using Lanes = float __attribute__((vector_size(sizeof(float) * kLanes)));
using LaneInts = std::int32_t __attribute__((vector_size(sizeof(std::int32_t) * kLanes)));

inline Lanes loadLanes(const float *values) {
    Lanes lanes;
    std::memcpy(&lanes, values, sizeof lanes);
    return lanes;
}

/// Element i becomes the one at order[i].
template <typename Vector, typename Order>
inline Vector shuffled(Vector values, Order order) {
#ifdef __clang__ // which knows fixed orders only; it makes the fuzz targets
    Vector moved = values;
    for (std::size_t i = 0; i < sizeof(values) / sizeof(values[0]); ++i)
        moved[i] = values[static_cast<std::size_t>(order[i])];
    return moved;
#else
    return __builtin_shuffle(values, order);
#endif
}

/// The low byte of each.
inline void storeBytes(LaneInts values, std::uint8_t *bytes) {
#ifdef __AVX2__
    // A shuffle inside of halves: a conversion takes eight extractions.
    using Bytes = std::uint8_t __attribute__((vector_size(sizeof values)));
    constexpr Bytes kLow = {0,  4,  8,  12, 0,  4,  8,  12, 0,  4,  8,  12, 0,  4,  8,  12,
                            16, 20, 24, 28, 16, 20, 24, 28, 16, 20, 24, 28, 16, 20, 24, 28};
    const Bytes low = shuffled(reinterpret_cast<Bytes>(values), kLow);
    std::memcpy(bytes, &low, 4);
    std::memcpy(bytes + 4, reinterpret_cast<const std::uint8_t *>(&low) + 16, 4);
#else
    for (std::size_t l = 0; l < kLanes; ++l)
        bytes[l] = static_cast<std::uint8_t>(values[l]);
#endif
}

inline Lanes toFloats(LaneInts values) {
    return __builtin_convertvector(values, Lanes);
}

inline Lanes magnitude(Lanes values) {
    return reinterpret_cast<Lanes>(reinterpret_cast<LaneInts>(values) & 0x7FFFFFFF);
}

inline bool anyOf(LaneInts mask) {
    std::int64_t parts[kLanes / 2], any = 0;
    std::memcpy(parts, &mask, sizeof parts);
    for (const std::int64_t part : parts)
        any |= part;
    return any != 0;
}

/// The least of all, and the largest; of zeros any.
inline float leastOf(Lanes values) {
    const auto fold = [&values](LaneInts other) {
        const Lanes moved = shuffled(values, other);
        values = moved < values ? moved : values;
    };
#ifdef __AVX2__
    fold(LaneInts{4, 5, 6, 7, 0, 1, 2, 3});
    fold(LaneInts{2, 3, 0, 1, 6, 7, 4, 5});
    fold(LaneInts{1, 0, 3, 2, 5, 4, 7, 6});
#else
    fold(LaneInts{2, 3, 0, 1});
    fold(LaneInts{1, 0, 3, 2});
#endif
    return values[0];
}
inline float largestOf(Lanes values) {
    return -leastOf(-values);
}

/// nearestInt() of each. \see scale_search.h
inline LaneInts nearestInts(Lanes values) {
    const Lanes shifted = values + 12582912.0f;
    return (reinterpret_cast<LaneInts>(shifted) & 0x007FFFFF) - 0x00400000;
}

inline LaneInts clampInts(LaneInts values, std::int32_t lowest, std::int32_t highest) {
    values = values < lowest ? LaneInts{} + lowest : values;
    return values > highest ? LaneInts{} + highest : values;
}

/// Rounds half away from zero, as roundf. Beyond the integers, and of NaN, the lowest one.
inline LaneInts roundAway(Lanes values) {
    const LaneInts whole = __builtin_convertvector(values, LaneInts);
    const Lanes rest = values - toFloats(whole);
    // A comparison is -1 where it holds.
    return whole - ((rest >= 0.5f) & (rest < 1)) + ((rest <= -0.5f) & (rest > -1));
}

/// Element i of lane l is values[l · stride + i].
template <std::size_t Count>
void gatherLanes(const float *values, std::size_t stride, Lanes (&lanes)[Count]) {
    alignas(sizeof(Lanes)) float rows[Count][kLanes];
    for (std::size_t l = 0; l < kLanes; ++l)
        for (std::size_t i = 0; i < Count; ++i)
            rows[i][l] = values[l * stride + i];
    std::memcpy(lanes, rows, sizeof rows);
}

/// The way back, as bytes.
template <std::size_t Count>
void scatterBytes(const LaneInts (&lanes)[Count], std::size_t stride, std::uint8_t *bytes) {
    std::uint8_t rows[Count][kLanes];
    for (std::size_t i = 0; i < Count; ++i)
        storeBytes(lanes[i], rows[i]);
    for (std::size_t l = 0; l < kLanes; ++l)
        for (std::size_t i = 0; i < Count; ++i)
            bytes[l * stride + i] = rows[i][l];
}

} // namespace qs
