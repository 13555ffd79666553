#include "core/tensor/float_passes.h"
#include "core/tensor/histogram.h"

#include "tests/support/instruction_sets.h"
#include "tests/support/lcg.h"

#include <bit>
#include <cmath>
#include <limits>

namespace qs {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

class FloatPasses : public test::EveryInstructionSet {};

INSTANTIATE_TEST_SUITE_P(Targets, FloatPasses, testing::ValuesIn(test::instructionSets()),
                         test::instructionSetName);

std::vector<float> values(std::size_t count, double scale) {
    std::vector<float> result = test::toFloats(test::lcgNormals(count, 7));
    for (std::size_t i = 0; i < count; ++i)
        result[i] = i % 11 == 3 ? 0.0f : i % 13 == 5 ? -0.0f : result[i] * static_cast<float>(scale);
    return result;
}

void expectSameBits(const FloatMoments &found, const FloatMoments &expected) {
    EXPECT_EQ(found.min, expected.min);
    EXPECT_EQ(found.max, expected.max);
    EXPECT_EQ(found.zeros, expected.zeros);
    for (auto part : {&FloatMoments::mean, &FloatMoments::m2, &FloatMoments::m3, &FloatMoments::m4})
        EXPECT_EQ(std::bit_cast<std::uint64_t>(found.*part), std::bit_cast<std::uint64_t>(expected.*part));
}

TEST_P(FloatPasses, MomentsHaveTheBitsOfTheReference) {
    for (const double scale : {1.0, 1e-40, 1e30}) // 1e-40: subnormal
        for (const std::size_t count : {1u, 2u, 15u, 16u, 17u, 31u, 32u, 33u, 100u, 4095u, 4096u})
            for (const std::size_t offset : {0u, 1u, 3u}) {
                const std::vector<float> all = values(count + offset, scale);
                const std::span<const float> part = std::span(all).subspan(offset);
                FloatMoments found, expected;
                ASSERT_TRUE(finiteMoments(part, found));
                ASSERT_TRUE(finiteMomentsReference(part, expected));
                expectSameBits(found, expected);
            }
}

TEST_P(FloatPasses, OneNonFiniteValueAnywhereIsSeen) {
    for (const float odd : {kNan, -kNan, kInf, -kInf})
        for (std::size_t at = 0; at < 67; ++at) {
            std::vector<float> part = values(67, 1);
            part[at] = odd;
            FloatMoments moments;
            EXPECT_FALSE(finiteMoments(part, moments)) << at;
        }
    FloatMoments moments;
    EXPECT_TRUE(finiteMoments(std::vector<float>(40, std::numeric_limits<float>::max()), moments));
}

/// Every kind of float, and the neighbours of every border between bins.
std::vector<float> borderValues(const BinGrid &grid) {
    std::vector<float> result{0.0f,
                              -0.0f,
                              kNan,
                              -kNan,
                              kInf,
                              -kInf,
                              std::numeric_limits<float>::max(),
                              1e-45f,
                              -1e-45f,
                              1e-38f,
                              -1e-38f,
                              std::numeric_limits<float>::lowest()};
    for (int bin = 0; bin <= grid.bins; ++bin) {
        const auto border = static_cast<float>(grid.lo + bin * ((grid.hi - grid.lo) / grid.bins));
        result.insert(result.end(), {std::nextafter(border, -kInf), border, std::nextafter(border, kInf)});
    }
    for (std::uint64_t bits = 0; bits < (1ull << 32); bits += 104729 * 64)
        result.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
    return result;
}

TEST_P(FloatPasses, BinsAreThoseOfTheReference) {
    const double most = std::numeric_limits<float>::max();
    const std::pair<double, double> ranges[] = {
        {-1, 1},        {0, 4},        {-0.1, 0.3},  {0.1f, 0.7f},      {-3.3e38, 3e38}, {-most, most},
        {1e-44, 1e-39}, {-1e60, 1e60}, {1e39, 1e40}, {-1e-300, 1e-300}, {1000, 1000.25}};
    for (const auto &[lo, hi] : ranges)
        for (const int bins : {1, 3, 256, 2048}) {
            const BinGrid grid{lo, hi, bins / (hi - lo), bins};
            const std::vector<float> all = borderValues(grid);
            // Short parts, so that a value in a wrong bin is not made up for by another one.
            for (std::size_t first = 0; first < all.size(); first += 33) {
                const auto part =
                    std::span(all).subspan(first, std::min<std::size_t>(35, all.size() - first));
                std::vector<std::int64_t> found(static_cast<std::size_t>(bins) + 3), expected = found;
                countBins(part, grid, found.data());
                countBinsReference(part, grid, expected.data());
                ASSERT_EQ(found, expected)
                    << bins << " bins of " << lo << ", " << hi << " from value " << first;
            }
        }
}

TEST_P(FloatPasses, HistogramTakesTheShortWayForValuesThatAllLieInside) {
    std::vector<float> inside = values(5000, 0.1);
    const auto counts = [&](std::span<const float> part) {
        Histogram histogram(-1, 1, 17);
        histogram.add(part);
        return histogram.counts();
    };
    auto expected = counts(inside);
    inside.push_back(2); // the long way
    EXPECT_EQ(counts(inside), expected);
}

template <typename Bits>
void expectMagnitudes(Bits infinity) {
    constexpr auto kMask = static_cast<Bits>(std::numeric_limits<Bits>::max() >> 1);
    for (const std::size_t count : {1u, 7u, 16u, 255u, 256u, 257u, 1000u}) {
        std::vector<Bits> patterns(count), largest(count, Bits(5)), expected = largest;
        std::uint32_t state = 3;
        Bits most = 0;
        for (std::size_t i = 0; i < count; ++i) {
            state = 1664525u * state + 1013904223u;
            patterns[i] = static_cast<Bits>(state >> (32 - 8 * sizeof(Bits)));
            const auto magnitude = static_cast<Bits>(patterns[i] & kMask);
            if (magnitude < infinity)
                most = std::max(most, magnitude);
            if (magnitude < infinity && magnitude > 5)
                expected[i] = magnitude;
        }
        EXPECT_EQ(largestMagnitude(std::span<const Bits>(patterns), infinity), most);
        raiseMagnitudes(std::span<const Bits>(patterns), infinity, largest.data());
        EXPECT_EQ(largest, expected);
    }
    EXPECT_EQ(largestMagnitude(std::span<const Bits>(), infinity), 0);
}

TEST_P(FloatPasses, MagnitudesLeaveOutWhatIsNotFinite) {
    expectMagnitudes<std::uint16_t>(0x7F80);
    expectMagnitudes<std::uint16_t>(0x7C00);
    expectMagnitudes<std::uint32_t>(0x7F800000);
}

} // namespace
} // namespace qs
