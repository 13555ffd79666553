// Compiled once for each kind of processor: foreach_target.h includes this file again and again.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/tensor/float_passes.cpp"
#include <hwy/foreach_target.h>
//
#include "core/tensor/float_passes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <hwy/cache_control.h>
#include <hwy/highway.h>
#include <limits>

HWY_BEFORE_NAMESPACE();
namespace qs {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Independent partial sums: as many on every processor, so that the sums are the same.
constexpr std::size_t kLanes = 16;

#if HWY_HAVE_SCALABLE || HWY_TARGET == HWY_SCALAR
// Vectors whose length is unknown cannot be kept in arrays of partial sums.
bool FiniteMoments(const float *values, std::size_t count, FloatMoments &moments) {
    return finiteMomentsReference({values, count}, moments);
}
void CountBins(const float *values, std::size_t count, const BinGrid &grid, std::int64_t *counts) {
    countBinsReference({values, count}, grid, counts);
}
#else

using Doubles = hn::CappedTag<double, kLanes>;
using Halves = hn::Rebind<float, Doubles>; ///< as many floats as Doubles has values
using Floats = hn::CappedTag<float, kLanes>;
constexpr std::size_t kWidth = hn::MaxLanes(Doubles());
constexpr std::size_t kFloatWidth = hn::MaxLanes(Floats());
constexpr std::size_t kParts = kLanes / kWidth; ///< vectors of partial sums
using Sums = std::array<hn::Vec<Doubles>, kParts>;

Sums ZeroSums() {
    Sums sums;
    sums.fill(hn::Zero(Doubles()));
    return sums;
}

/// Adds the values of the tail to the first partial sums, then those in their order.
template <typename Term>
double Total(const Sums &sums, const float *tail, std::size_t count, Term term) {
    alignas(64) double lanes[kLanes];
    for (std::size_t part = 0; part < kParts; ++part)
        hn::Store(sums[part], Doubles(), lanes + part * kWidth);
    for (std::size_t i = 0; i < count; ++i)
        lanes[i] += term(static_cast<double>(tail[i]));
    double total = 0;
    for (const double lane : lanes)
        total += lane;
    return total;
}

struct Extremes {
    float min, max;
    std::int64_t zeros;

    void add(float value) {
        min = value < min ? value : min;
        max = value > max ? value : max;
        zeros += value == 0;
    }
};

/// Extremes of all whole groups of kLanes values, and the sums of their values.
Extremes AddGroups(const float *values, std::size_t count, Sums &sums) {
    const Floats floats;
    const hn::RebindToSigned<Floats> ints;
    auto low = hn::Set(floats, values[0]), high = low;
    auto zeros = hn::Zero(ints);
    for (std::size_t i = 0; i + kLanes <= count; i += kLanes) {
        for (std::size_t part = 0; part < kLanes; part += kFloatWidth) {
            const auto value = hn::LoadU(floats, values + i + part);
            low = hn::Min(low, value);
            high = hn::Max(high, value);
            const auto isZero = hn::Eq(value, hn::Zero(floats));
            zeros = hn::Sub(zeros, hn::BitCast(ints, hn::VecFromMask(floats, isZero)));
        }
        for (std::size_t part = 0; part < kParts; ++part)
            sums[part] = hn::Add(sums[part],
                                 hn::PromoteTo(Doubles(), hn::LoadU(Halves(), values + i + part * kWidth)));
    }
    return {hn::GetLane(hn::MinOfLanes(floats, low)), hn::GetLane(hn::MaxOfLanes(floats, high)),
            hn::GetLane(hn::SumOfLanes(ints, zeros))};
}

bool FiniteMoments(const float *values, std::size_t count, FloatMoments &moments) {
    const std::size_t whole = count / kLanes * kLanes;
    Sums sums = ZeroSums();
    Extremes extremes = AddGroups(values, count, sums);
    for (std::size_t i = whole; i < count; ++i)
        extremes.add(values[i]);
    const double sum = Total(sums, values + whole, count - whole, [](double value) { return value; });
    if (!std::isfinite(sum)) // that of finite floats is finite in float64
        return false;
    const double mean = sum / static_cast<double>(count);
    Sums second = ZeroSums(), third = ZeroSums(), fourth = ZeroSums();
    const auto center = hn::Set(Doubles(), mean);
    for (std::size_t i = 0; i < whole; i += kLanes) {
        hwy::Prefetch(values + i + count); // the next chunk, while this one is worked on
        for (std::size_t part = 0; part < kParts; ++part) {
            const auto value = hn::PromoteTo(Doubles(), hn::LoadU(Halves(), values + i + part * kWidth));
            const auto delta = hn::Sub(value, center);
            const auto square = hn::Mul(delta, delta);
            second[part] = hn::Add(second[part], square);
            third[part] = hn::Add(third[part], hn::Mul(square, delta));
            fourth[part] = hn::Add(fourth[part], hn::Mul(square, square));
        }
    }
    const auto sumOf = [&](const Sums &powers, auto power) {
        return Total(powers, values + whole, count - whole, [&](double value) {
            const double delta = value - mean;
            return power(delta, delta * delta);
        });
    };
    moments = {extremes.min,
               extremes.max,
               extremes.zeros,
               mean,
               sumOf(second, [](double, double square) { return square; }),
               sumOf(third, [](double delta, double square) { return square * delta; }),
               sumOf(fourth, [](double, double square) { return square * square; })};
    return true;
}

/// The ends of a grid as floats: lo <= x if and only if low <= x, and likewise above.
struct FloatEnds {
    float low, high;

    explicit FloatEnds(const BinGrid &grid)
        : low(static_cast<float>(grid.lo)), high(static_cast<float>(grid.hi)) {
        constexpr float kInfinity = std::numeric_limits<float>::infinity();
        if (static_cast<double>(low) < grid.lo)
            low = std::nextafter(low, kInfinity);
        if (static_cast<double>(high) > grid.hi)
            high = std::nextafter(high, -kInfinity);
    }
};

bool AllInside(const float *values, std::size_t whole, FloatEnds ends) {
    const Floats floats;
    const auto low = hn::Set(floats, ends.low), high = hn::Set(floats, ends.high);
    auto inside = hn::Eq(low, low); // all; NaN is never inside
    for (std::size_t i = 0; i < whole; i += kFloatWidth) {
        const auto value = hn::LoadU(floats, values + i);
        inside = hn::And(inside, hn::And(hn::Ge(value, low), hn::Le(value, high)));
    }
    return hn::AllTrue(floats, inside);
}

/// The bins of kWidth values at a time.
template <bool kAllInside>
class Binning {
public:
    Binning(const BinGrid &grid, FloatEnds ends)
        : m_lo(hn::Set(Doubles(), grid.lo)), m_binsPerUnit(hn::Set(Doubles(), grid.binsPerUnit)),
          m_low(hn::Set(Halves(), ends.low)), m_high(hn::Set(Halves(), ends.high)),
          m_last(hn::Set(Ints(), grid.bins - 1)), m_below(index(grid.below())), m_above(index(grid.above())),
          m_nonFinite(index(grid.nonFinite())) {}

    void store(const float *values, std::int32_t *bins) const {
        const auto value = hn::LoadU(Halves(), values);
        const auto position = hn::Mul(hn::Sub(hn::PromoteTo(Doubles(), value), m_lo), m_binsPerUnit);
        auto bin = hn::Min(hn::DemoteTo(Ints(), position), m_last);
        if constexpr (!kAllInside) {
            const auto outside =
                hn::IfThenElse(hn::RebindMask(Ints(), hn::Lt(value, m_low)), m_below, m_above);
            const auto inside = hn::And(hn::Ge(value, m_low), hn::Le(value, m_high));
            bin = hn::IfThenElse(hn::RebindMask(Ints(), inside), bin, outside);
            const auto largest = hn::Set(Halves(), std::numeric_limits<float>::max());
            const auto isFinite = hn::Le(hn::Abs(value), largest);
            bin = hn::IfThenElse(hn::RebindMask(Ints(), isFinite), bin, m_nonFinite);
        }
        hn::Store(bin, Ints(), bins);
    }

private:
    using Ints = hn::Rebind<std::int32_t, Doubles>;
    static hn::Vec<Ints> index(std::uint32_t value) {
        return hn::Set(Ints(), static_cast<std::int32_t>(value));
    }

    hn::Vec<Doubles> m_lo, m_binsPerUnit;
    hn::Vec<Halves> m_low, m_high;
    hn::Vec<Ints> m_last, m_below, m_above, m_nonFinite;
};

/// The bins of one group of values are computed while the counts of the last one are raised: other parts of
/// the processor do that. Two buffers that take turns keep the compiler from taking bins out of vectors one
/// by one, which is slower than reading them.
template <bool kAllInside>
void CountGroups(const float *values, std::size_t whole, const Binning<kAllInside> &binning,
                 std::int64_t *counts) {
    alignas(64) std::int32_t bins[2][kLanes];
    const auto store = [&](std::size_t first, std::int32_t *group) {
        for (std::size_t part = 0; part < kLanes; part += kWidth)
            binning.store(values + first + part, group + part);
    };
    const auto raise = [counts](const std::int32_t *group) {
        for (std::size_t i = 0; i < kLanes; ++i)
            ++counts[static_cast<std::uint32_t>(group[i])];
    };
    if (whole == 0)
        return;
    std::size_t turn = 0;
    store(0, bins[turn]);
    for (std::size_t i = kLanes; i < whole; i += kLanes) {
        hwy::Prefetch(values + i + whole); // the next chunk
        store(i, bins[turn ^ 1]);
        raise(bins[turn]);
        turn ^= 1;
    }
    raise(bins[turn]);
}

void CountBins(const float *values, std::size_t count, const BinGrid &grid, std::int64_t *counts) {
    const std::size_t whole = count / kLanes * kLanes;
    const FloatEnds ends(grid);
    if (AllInside(values, whole, ends))
        CountGroups(values, whole, Binning<true>(grid, ends), counts);
    else
        CountGroups(values, whole, Binning<false>(grid, ends), counts);
    countBinsReference({values + whole, count - whole}, grid, counts);
}
#endif

template <typename Bits>
void RaiseMagnitudes(const Bits *row, std::size_t count, Bits infinity, Bits *largest) {
    const hn::ScalableTag<Bits> bits;
    const auto magnitudeMask = hn::Set(bits, static_cast<Bits>(std::numeric_limits<Bits>::max() >> 1));
    // Signed comparisons are enough without the sign, and every processor has them.
    const hn::RebindToSigned<decltype(bits)> ints;
    const auto limit = hn::BitCast(ints, hn::Set(bits, infinity));
    const std::size_t width = hn::Lanes(bits);
    std::size_t i = 0;
    for (; i + width <= count; i += width) {
        const auto magnitude = hn::BitCast(ints, hn::And(hn::LoadU(bits, row + i), magnitudeMask));
        const auto finite = hn::IfThenElseZero(hn::Lt(magnitude, limit), magnitude);
        const auto before = hn::BitCast(ints, hn::LoadU(bits, largest + i));
        hn::StoreU(hn::BitCast(bits, hn::Max(before, finite)), bits, largest + i);
    }
    for (; i < count; ++i) {
        const auto magnitude = static_cast<Bits>(row[i] & (std::numeric_limits<Bits>::max() >> 1));
        largest[i] = magnitude < infinity && magnitude > largest[i] ? magnitude : largest[i];
    }
}
void RaiseMagnitudes16(const std::uint16_t *row, std::size_t count, std::uint16_t infinity,
                       std::uint16_t *largest) {
    RaiseMagnitudes(row, count, infinity, largest);
}
void RaiseMagnitudes32(const std::uint32_t *row, std::size_t count, std::uint32_t infinity,
                       std::uint32_t *largest) {
    RaiseMagnitudes(row, count, infinity, largest);
}

} // namespace HWY_NAMESPACE
} // namespace qs
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace qs {
namespace {

HWY_EXPORT(FiniteMoments);
HWY_EXPORT(CountBins);
HWY_EXPORT(RaiseMagnitudes16);
HWY_EXPORT(RaiseMagnitudes32);

/// A row is folded into one vector's worth of columns, several times over.
constexpr std::size_t kColumns = 256;

template <typename Bits>
Bits largestOf(std::span<const Bits> patterns, Bits infinity) {
    std::array<Bits, kColumns> largest{};
    for (std::size_t i = 0; i < patterns.size(); i += kColumns)
        raiseMagnitudes(patterns.subspan(i, std::min(kColumns, patterns.size() - i)), infinity,
                        largest.data());
    return *std::max_element(largest.begin(), largest.end());
}

} // namespace

bool finiteMoments(std::span<const float> values, FloatMoments &moments) {
    return HWY_DYNAMIC_DISPATCH(FiniteMoments)(values.data(), values.size(), moments);
}

bool finiteMomentsReference(std::span<const float> values, FloatMoments &moments) {
    constexpr std::size_t kLanes = 16;
    const auto sumOf = [&](auto term) {
        std::array<double, kLanes> lanes{};
        for (std::size_t i = 0; i < values.size(); ++i)
            lanes[i % kLanes] += term(static_cast<double>(values[i]));
        double total = 0;
        for (const double lane : lanes)
            total += lane;
        return total;
    };
    if (!std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); }))
        return false;
    const auto [min, max] = std::minmax_element(values.begin(), values.end());
    const double mean = sumOf([](double value) { return value; }) / static_cast<double>(values.size());
    moments = {*min, *max, std::count(values.begin(), values.end(), 0.0f), mean, 0, 0, 0};
    moments.m2 = sumOf([mean](double value) { return (value - mean) * (value - mean); });
    moments.m3 = sumOf([mean](double value) { return (value - mean) * (value - mean) * (value - mean); });
    moments.m4 = sumOf([mean](double value) {
        const double square = (value - mean) * (value - mean);
        return square * square;
    });
    return true;
}

void countBins(std::span<const float> values, const BinGrid &grid, std::int64_t *counts) {
    HWY_DYNAMIC_DISPATCH(CountBins)(values.data(), values.size(), grid, counts);
}

void countBinsReference(std::span<const float> values, const BinGrid &grid, std::int64_t *counts) {
    const auto last = static_cast<std::uint32_t>(grid.bins - 1);
    for (const double value : values)
        if (value >= grid.lo && value <= grid.hi)
            ++counts[std::min(last, static_cast<std::uint32_t>((value - grid.lo) * grid.binsPerUnit))];
        else if (!std::isfinite(value))
            ++counts[grid.nonFinite()];
        else
            ++counts[value < grid.lo ? grid.below() : grid.above()];
}

void raiseMagnitudes(std::span<const std::uint16_t> row, std::uint16_t infinity, std::uint16_t *largest) {
    HWY_DYNAMIC_DISPATCH(RaiseMagnitudes16)(row.data(), row.size(), infinity, largest);
}

void raiseMagnitudes(std::span<const std::uint32_t> row, std::uint32_t infinity, std::uint32_t *largest) {
    HWY_DYNAMIC_DISPATCH(RaiseMagnitudes32)(row.data(), row.size(), infinity, largest);
}

std::uint16_t largestMagnitude(std::span<const std::uint16_t> patterns, std::uint16_t infinity) {
    return largestOf(patterns, infinity);
}

std::uint32_t largestMagnitude(std::span<const std::uint32_t> patterns, std::uint32_t infinity) {
    return largestOf(patterns, infinity);
}

} // namespace qs
#endif
