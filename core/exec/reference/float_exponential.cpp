// Compiled once for each kind of processor: foreach_target.h includes this file again and again.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/exec/reference/float_exponential.cpp"
#include <hwy/foreach_target.h>
//
#include "core/exec/reference/exponential.h"

#include <algorithm>
#include <cmath>
#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace qs {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Sums are kept in as many lanes on every processor, whatever its vectors hold.
constexpr std::size_t kLanes = 16;
#if HWY_HAVE_SCALABLE || HWY_TARGET == HWY_SCALAR
using Floats = hn::CappedTag<float, 1>;
using Doubles = hn::CappedTag<double, 1>;
#else
using Floats = hn::CappedTag<float, kLanes>;
using Doubles = hn::CappedTag<double, kLanes>;
#endif
using Single = hn::CappedTag<float, 1>;
constexpr std::size_t kWidth = hn::MaxLanes(Floats()), kDoubles = hn::MaxLanes(Doubles());

/// e^x, 0 where that is below `least`; NaN stays.
template <class D>
HWY_INLINE hn::Vec<D> Exponential(D d, hn::Vec<D> x, float least) {
    // hn::Exp() holds up to 104, where e^x has long been infinite.
    const auto y = hn::Exp(d, hn::Min(x, hn::Set(d, 104.0f)));
    const auto kept = hn::IfThenZeroElse(hn::Lt(y, hn::Set(d, least)), y);
    return hn::IfThenElse(hn::Eq(x, x), kept, x);
}

void Exponentials(float *values, std::size_t count, float least) {
    const auto replace = [least](auto d, float *at)
                             HWY_ATTR { hn::StoreU(Exponential(d, hn::LoadU(d, at), least), d, at); };
    std::size_t i = 0;
    for (; i + kWidth <= count; i += kWidth)
        replace(Floats(), values + i);
    for (; i < count; ++i)
        replace(Single(), values + i);
}

float Largest(const float *values, std::size_t count) {
    if (count < kWidth)
        return *std::max_element(values, values + count);
    auto largest = hn::LoadU(Floats(), values);
    for (std::size_t i = kWidth; i + kWidth <= count; i += kWidth)
        largest = hn::Max(largest, hn::LoadU(Floats(), values + i));
    largest = hn::Max(largest, hn::LoadU(Floats(), values + count - kWidth));
    return hn::GetLane(hn::MaxOfLanes(Floats(), largest));
}

/// Writes e^(src - top). \return their sum
double ShiftedExponentials(const float *src, float *dst, std::size_t count, float top, float least) {
    const auto store = [=](auto d, std::size_t i) HWY_ATTR {
        hn::StoreU(Exponential(d, hn::Sub(hn::LoadU(d, src + i), hn::Set(d, top)), least), d, dst + i);
    };
    constexpr std::size_t kParts = kLanes / kDoubles;
    hn::Vec<Doubles> parts[kParts];
    std::fill(parts, parts + kParts, hn::Zero(Doubles()));
    std::size_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
        for (std::size_t lane = 0; lane < kLanes; lane += kWidth)
            store(Floats(), i + lane);
        for (std::size_t part = 0; part < kParts; ++part) {
            const auto stored = hn::LoadU(hn::Rebind<float, Doubles>(), dst + i + part * kDoubles);
            parts[part] = hn::Add(parts[part], hn::PromoteTo(Doubles(), stored));
        }
    }
    alignas(64) double sums[kLanes];
    for (std::size_t part = 0; part < kParts; ++part)
        hn::Store(parts[part], Doubles(), sums + part * kDoubles);
    double sum = 0;
    for (const double lane : sums)
        sum += lane;
    for (; i < count; ++i) {
        store(Single(), i);
        sum += static_cast<double>(dst[i]);
    }
    return sum;
}

void SoftmaxRow(const float *src, float *dst, std::size_t count) {
    // The sum is at most `count`: what is kept is normal after the division, too.
    const float least = std::numeric_limits<float>::min() * static_cast<float>(count);
    const double sum = ShiftedExponentials(src, dst, count, Largest(src, count), least);
    const auto factor = static_cast<float>(1 / sum);
    std::size_t i = 0;
    for (; i + kWidth <= count; i += kWidth)
        hn::StoreU(hn::Mul(hn::LoadU(Floats(), dst + i), hn::Set(Floats(), factor)), Floats(), dst + i);
    for (; i < count; ++i)
        dst[i] *= factor;
}

} // namespace HWY_NAMESPACE
} // namespace qs
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace qs {

HWY_EXPORT(Exponentials);
HWY_EXPORT(SoftmaxRow);

void exponentials(float *values, std::int64_t count, float least) {
    HWY_DYNAMIC_DISPATCH(Exponentials)(values, static_cast<std::size_t>(count), least);
}

void softmaxRow(const float *src, float *dst, std::int64_t count) {
    if (count > 0)
        HWY_DYNAMIC_DISPATCH(SoftmaxRow)(src, dst, static_cast<std::size_t>(count));
}

} // namespace qs
#endif
