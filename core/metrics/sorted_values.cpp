#include "core/metrics/sorted_values.h"

#include "core/base/number_text.h"
#include "core/base/random.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <fmt/format.h>
#include <limits>

namespace qs {
namespace {

constexpr std::size_t kBlock = 1 << 20; ///< values between two looks at the stop token
constexpr int kDigitBits = 11, kPasses = 3;
constexpr std::size_t kBuckets = 1 << kDigitBits;
using Counts = std::array<std::array<std::uint32_t, kBuckets>, kPasses>;

/// Unsigned keys in the order of the floats, and back.
std::uint32_t keyOf(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    return bits ^ ((bits >> 31) != 0 ? 0xFFFFFFFFu : 0x80000000u);
}

float valueOf(std::uint32_t key) {
    return std::bit_cast<float>(key ^ ((key >> 31) != 0 ? 0x80000000u : 0xFFFFFFFFu));
}

std::size_t digit(std::uint32_t key, int pass) {
    return (key >> (pass * kDigitBits)) & (kBuckets - 1);
}

Status scatter(const std::vector<std::uint32_t> &src, std::vector<std::uint32_t> &dst,
               std::array<std::uint32_t, kBuckets> &counts, int pass, const RunContext &ctx) {
    std::uint32_t sum = 0;
    for (std::uint32_t &count : counts)
        sum += std::exchange(count, sum);
    for (std::size_t begin = 0; begin < src.size(); begin += kBlock) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        ctx.step(static_cast<std::int64_t>(begin), static_cast<std::int64_t>(src.size()), "sorting values");
        const std::size_t end = std::min(src.size(), begin + kBlock);
        for (std::size_t i = begin; i < end; ++i)
            dst[counts[digit(src[i], pass)]++] = src[i];
    }
    return {};
}

/// Least significant digit first. A pass in which all keys share the digit moves nothing.
Status radixSort(std::vector<std::uint32_t> &keys, const RunContext &ctx) {
    auto counts = std::make_unique<Counts>();
    for (const std::uint32_t key : keys)
        for (int pass = 0; pass < kPasses; ++pass)
            ++(*counts)[static_cast<std::size_t>(pass)][digit(key, pass)];
    std::vector<std::uint32_t> other(keys.size());
    for (int pass = 0; pass < kPasses; ++pass) {
        auto &digits = (*counts)[static_cast<std::size_t>(pass)];
        if (!keys.empty() && digits[digit(keys.front(), pass)] == keys.size())
            continue;
        QS_CHECK_OK(scatter(keys, other, digits, pass, ctx));
        keys.swap(other);
    }
    return {};
}

/// One value of each of `count` equal parts: an even step could hit the same column of a matrix again and
/// again. \param count  less than the values  \error Cancelled
Result<std::vector<float>> pick(std::span<const float> values, std::int64_t count, std::uint64_t seed,
                                const RunContext &ctx) {
    const auto total = static_cast<std::int64_t>(values.size());
    std::vector<float> picked;
    picked.reserve(static_cast<std::size_t>(count));
    Random random(seed);
    // The product of part and total may be beyond 64 bits.
    const std::int64_t whole = total / count, rest = total % count;
    for (std::int64_t part = 0; part < count; ++part) {
        if (part % static_cast<std::int64_t>(kBlock) == 0 && ctx.cancelled())
            return RunContext::cancelledError();
        const auto start = [&](std::int64_t p) { return p * whole + p * rest / count; };
        const auto length = static_cast<std::uint64_t>(start(part + 1) - start(part));
        const auto offset = static_cast<std::int64_t>(random.below(length));
        picked.push_back(values[static_cast<std::size_t>(start(part) + offset)]);
    }
    return picked;
}

/// The least and the largest finite value; {0, 0} without any. \error Cancelled
Result<std::pair<float, float>> extremes(std::span<const float> values, const RunContext &ctx) {
    float low = std::numeric_limits<float>::infinity(), high = -low;
    for (std::size_t begin = 0; begin < values.size(); begin += kBlock) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        for (const float value : values.subspan(begin, std::min(kBlock, values.size() - begin)))
            if (std::isfinite(value)) {
                low = std::min(low, value);
                high = std::max(high, value);
            }
    }
    return low > high ? std::pair{0.0f, 0.0f} : std::pair{low, high};
}

constexpr std::uint64_t kSampleSeed = 1;

} // namespace

Result<SortedValues> SortedValues::build(std::span<const float> values, const RunContext &ctx,
                                         std::int64_t most) {
    if (std::ssize(values) > most) {
        QS_TRY(std::vector<float> picked, pick(values, most, kSampleSeed, ctx));
        QS_TRY(const auto ends, extremes(values, ctx));
        // Ranges are chosen by the extremes, which a sample would miss.
        picked.front() = ends.first;
        picked.back() = ends.second;
        QS_TRY(SortedValues sampled, build(picked, ctx, most));
        sampled.m_sourceCount = std::ssize(values);
        return sampled;
    }
    SortedValues result;
    result.m_sourceCount = static_cast<std::int64_t>(values.size());
    std::vector<std::uint32_t> keys;
    keys.reserve(values.size());
    for (const float value : values) {
        if (std::isfinite(value))
            keys.push_back(keyOf(value));
        else
            ++(std::isnan(value) ? result.m_nanCount : result.m_infCount);
    }
    QS_CHECK_OK(radixSort(keys, ctx));
    result.m_values.resize(keys.size());
    std::transform(keys.begin(), keys.end(), result.m_values.begin(), valueOf);
    keys = {};
    result.buildMoments();
    return result;
}

SortedValues SortedValues::sample(std::span<const float> values, std::int64_t count, std::uint64_t seed) {
    // Without a stop token nothing is cancelled.
    if (count >= std::ssize(values))
        return build(values, {}, std::ssize(values)).value();
    SortedValues result = build(pick(values, count, seed, {}).value(), {}, count).value();
    result.m_sourceCount = std::ssize(values);
    return result;
}

std::string SortedValues::sampleNote() const {
    if (isExact())
        return {};
    return fmt::format("A sample of {} of {} values, with the least and the largest: errors are approximate. "
                       "One channel or group is exact.",
                       withThousands(count()), withThousands(m_sourceCount));
}

void SortedValues::buildMoments() {
    const std::int64_t leaves = count() / kLeaf;
    std::vector<Moments> level(static_cast<std::size_t>(leaves));
    for (std::int64_t leaf = 0; leaf < leaves; ++leaf) {
        const auto values = std::span(m_values).subspan(static_cast<std::size_t>(leaf * kLeaf), kLeaf);
        double sum = 0;
        for (const float value : values)
            sum += static_cast<double>(value);
        const double mean = sum / static_cast<double>(kLeaf);
        level[static_cast<std::size_t>(leaf)] = {mean, squaredDistanceReference(values, mean)};
    }
    for (double size = kLeaf; !level.empty(); size *= 2) {
        std::vector<Moments> pairs(level.size() / 2);
        for (std::size_t i = 0; i < pairs.size(); ++i) {
            const Moments &a = level[2 * i], &b = level[2 * i + 1];
            const double distance = b.mean - a.mean;
            pairs[i] = {a.mean + distance / 2, a.m2 + b.m2 + distance * distance * size / 2};
        }
        m_levels.push_back(std::exchange(level, std::move(pairs)));
    }
    m_sumOfSquares = squaredDistance(0, count(), 0);
}

std::int64_t SortedValues::countBelow(float bound) const {
    return std::lower_bound(m_values.begin(), m_values.end(), bound) - m_values.begin();
}

double SortedValues::squaredDistance(std::int64_t begin, std::int64_t end, double level) const {
    const auto loop = [&](std::int64_t from, std::int64_t to) {
        return squaredDistanceReference(
            std::span(m_values).subspan(static_cast<std::size_t>(from), static_cast<std::size_t>(to - from)),
            level);
    };
    std::int64_t first = (begin + kLeaf - 1) / kLeaf, last = end / kLeaf; // full blocks within
    if (first >= last)
        return loop(begin, end);
    double sum = loop(begin, first * kLeaf) + loop(last * kLeaf, end);
    auto size = static_cast<double>(kLeaf);
    const auto add = [&](const Moments &block) {
        const double distance = block.mean - level;
        sum += block.m2 + size * distance * distance;
    };
    // Up the tree: what has no partner within the range is taken here, pairs one level above.
    for (std::size_t k = 0; first < last; ++k, first /= 2, last /= 2, size *= 2) {
        if (first % 2 != 0)
            add(m_levels[k][static_cast<std::size_t>(first++)]);
        if (last % 2 != 0)
            add(m_levels[k][static_cast<std::size_t>(--last)]);
    }
    return sum;
}

double squaredDistanceReference(std::span<const float> values, double level) {
    double sum = 0;
    for (const float value : values) {
        const double distance = static_cast<double>(value) - level;
        sum += distance * distance;
    }
    return sum;
}

} // namespace qs
