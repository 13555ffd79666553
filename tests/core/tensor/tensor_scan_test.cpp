#include "core/tensor/tensor_scan.h"

#include "core/tensor/blocks/block_codec.h"
#include "core/tensor/convert.h"
#include "core/tensor/histogram.h"
#include "tests/support/lcg.h"

#include <bit>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <numeric>
#include <sys/mman.h>

namespace qs {
namespace {

Tensor patternsAs(DType type, const std::vector<std::uint16_t> &patterns) {
    Tensor tensor = Tensor::allocate(type, {static_cast<std::int64_t>(patterns.size())});
    std::ranges::copy(patterns, tensor.mutableValues<std::uint16_t>().begin());
    return tensor;
}

std::vector<std::uint16_t> everyPattern() {
    std::vector<std::uint16_t> patterns;
    for (int pattern = 0; pattern < 65536; ++pattern)
        for (int times = 0; times <= pattern % 5; ++times) // 1 to 5 of each
            patterns.push_back(static_cast<std::uint16_t>(pattern));
    return patterns;
}

/// What a plain loop over the values finds, sums in long double.
struct Oracle {
    TensorStats stats;
    long double powers[4] = {}; ///< Σ|x - mean|^k

    explicit Oracle(const std::vector<double> &values) {
        long double sum = 0;
        for (const double x : values) {
            if (!std::isfinite(x)) {
                ++(std::isnan(x) ? stats.nanCount : stats.infCount);
                continue;
            }
            stats.min = stats.count == 0 ? x : std::min(stats.min, x);
            stats.max = stats.count == 0 ? x : std::max(stats.max, x);
            ++stats.count;
            stats.zeroCount += x == 0;
            sum += x;
            powers[0] += std::fabs(x);
        }
        const long double mean = stats.count ? sum / stats.count : 0;
        long double m2 = 0, m3 = 0, m4 = 0;
        for (const double x : values)
            if (std::isfinite(x)) {
                const long double delta = x - mean;
                m2 += delta * delta;
                m3 += delta * delta * delta;
                m4 += delta * delta * delta * delta;
                powers[2] += std::fabs(delta * delta * delta);
            }
        stats.mean = static_cast<double>(mean);
        stats.m2 = static_cast<double>(m2);
        stats.m3 = static_cast<double>(m3);
        stats.m4 = static_cast<double>(m4);
    }
};

void expectAgree(const TensorStats &found, const Oracle &oracle) {
    const TensorStats &expected = oracle.stats;
    EXPECT_EQ(found.count, expected.count);
    EXPECT_EQ(found.nanCount, expected.nanCount);
    EXPECT_EQ(found.infCount, expected.infCount);
    EXPECT_EQ(found.zeroCount, expected.zeroCount);
    EXPECT_EQ(found.min, expected.min);
    EXPECT_EQ(found.max, expected.max);
    const auto n = static_cast<double>(std::max<std::int64_t>(1, expected.count));
    EXPECT_NEAR(found.mean, expected.mean, 1e-11 * static_cast<double>(oracle.powers[0]) / n);
    EXPECT_NEAR(found.m2, expected.m2, 1e-11 * expected.m2);
    EXPECT_NEAR(found.m3, expected.m3, 1e-11 * static_cast<double>(oracle.powers[2]));
    EXPECT_NEAR(found.m4, expected.m4, 1e-11 * expected.m4);
}

std::vector<double> valuesOf(const Tensor &tensor) {
    const Tensor floats = *toFloat32(tensor);
    const auto values = floats.values<float>();
    return {values.begin(), values.end()};
}

/// Bins by the formula of Histogram::add().
BinCounts plainBins(const std::vector<double> &values, double lo, double hi, int bins) {
    BinCounts result{lo, hi, std::vector<std::int64_t>(static_cast<std::size_t>(bins)), 0, 0};
    for (const double x : values)
        if (x >= lo && x <= hi)
            ++result.counts[std::min(static_cast<std::size_t>(bins - 1),
                                     static_cast<std::size_t>((x - lo) * (bins / (hi - lo))))];
        else if (std::isfinite(x))
            ++(x < lo ? result.below : result.above);
    return result;
}

void expectBins(const TensorScan &scan, const std::vector<double> &values, double lo, double hi, int bins) {
    const BinCounts found = *scan.bins(lo, hi, bins, {}), expected = plainBins(values, lo, hi, bins);
    EXPECT_EQ(found.counts, expected.counts) << lo << " to " << hi;
    EXPECT_EQ(found.below, expected.below);
    EXPECT_EQ(found.above, expected.above);
}

TensorScan scanOf(const Tensor &tensor, int threads = 0) {
    return *TensorScan::read(tensor, nullptr, RunContext{{}, nullptr, threads});
}

} // namespace

TEST(TensorScan, EveryPatternOfSixteenBitsIsCountedAsAPlainLoopDoes) {
    for (const DType type : {DType::Float16, DType::BFloat16}) {
        const Tensor tensor = patternsAs(type, everyPattern());
        const std::vector<double> values = valuesOf(tensor);
        const TensorScan scan = scanOf(tensor);
        expectAgree(scan.stats(), Oracle(values));
        EXPECT_TRUE(scan.isComplete() && !scan.isCut());
        expectBins(scan, values, scan.stats().min, scan.stats().max, 256);
        expectBins(scan, values, -1, 1, 64); // borders are values
        expectBins(scan, values, -0.3, 0.7, 77);
        expectBins(scan, values, 0, 6e-8, 3); // subnormal in float16
    }
}

TEST(TensorScan, OtherTypesAgreeWithAPlainLoop) {
    const std::vector<float> normals = test::toFloats(test::lcgNormals(700001, 3));
    const Tensor floats = Tensor::fromValues<float>({700001}, normals);
    for (const DType type : {DType::Float32, DType::Float64, DType::Float8E4M3FN, DType::Int8}) {
        const Tensor tensor = *castTensor(floats, type);
        const std::vector<double> values = valuesOf(tensor);
        const TensorScan scan = scanOf(tensor);
        expectAgree(scan.stats(), Oracle(values));
        expectBins(scan, values, scan.stats().min, scan.stats().max, 256);
        expectBins(scan, values, -0.5, 1.5, 100);
        EXPECT_EQ(scan.patterns(), nullptr);
    }
}

TEST(TensorScan, BlocksOfGgmlAreDecodedPieceByPiece) {
    const std::int64_t rows = 1100, cols = 256;
    const std::vector<float> floats =
        test::toFloats(test::lcgNormals(static_cast<std::size_t>(rows * cols), 3));
    const std::vector<std::byte> blocks = *encodeBlocks(BlockType::Q8_0, {floats.data(), rows, cols}, {});
    Tensor bytes = Tensor::allocate(DType::UInt8, {static_cast<std::int64_t>(blocks.size())});
    std::ranges::copy(blocks, bytes.mutableBytes());
    const Tensor tensor = Tensor::wrap(blockDType(BlockType::Q8_0), {rows, cols}, bytes.storage());
    const std::vector<double> values = valuesOf(tensor);
    const TensorScan scan = scanOf(tensor);
    expectAgree(scan.stats(), Oracle(values));
    expectBins(scan, values, -1, 1, 50);
}

TEST(TensorScan, FirstNonFiniteValueIsFound) {
    for (const DType type : {DType::Float16, DType::BFloat16, DType::Float32}) {
        std::vector<float> values(600000, 0.5f);
        values[300001] = std::numeric_limits<float>::quiet_NaN();
        values[500000] = -std::numeric_limits<float>::infinity();
        const TensorScan scan = scanOf(*castTensor(Tensor::fromValues<float>({600000}, values), type));
        EXPECT_EQ(scan.stats().firstNonFinite, 300001);
        EXPECT_EQ(scan.stats().nanCount, 1);
        EXPECT_EQ(scan.stats().infCount, 1);
        EXPECT_EQ(scan.stats().count, 599998);
    }
}

TEST(TensorScan, EmptyEqualAndNonFiniteTensorsHaveNoSurprises) {
    EXPECT_EQ(scanOf(Tensor::zeros(DType::BFloat16, {0})).stats().count, 0);
    EXPECT_EQ(scanOf(Tensor::zeros(DType::Float32, {0})).stats().count, 0);
    const TensorScan equal = scanOf(patternsAs(DType::BFloat16, std::vector<std::uint16_t>(300000, 0xBF80)));
    EXPECT_EQ(equal.stats().min, -1);
    EXPECT_EQ(equal.stats().max, -1);
    EXPECT_EQ(equal.stats().m2, 0);
    const TensorScan nothing = scanOf(patternsAs(DType::Float16, {0x7E00, 0xFC00, 0x7C00}));
    EXPECT_EQ(nothing.stats().count, 0);
    EXPECT_EQ(nothing.stats().firstNonFinite, 0);
    EXPECT_EQ(nothing.bins(0, 1, 4, {})->counts, (std::vector<std::int64_t>{0, 0, 0, 0}));
    const TensorScan zeros = scanOf(patternsAs(DType::Float16, {0x8000, 0x0000}));
    EXPECT_EQ(zeros.stats().zeroCount, 2);
    EXPECT_FALSE(std::signbit(zeros.stats().min));
}

TEST(TensorScan, ThreadCountDoesNotChangeASingleBit) {
    const Tensor floats = Tensor::fromValues<float>({1500003}, test::toFloats(test::lcgNormals(1500003, 5)));
    for (const DType type : {DType::Float32, DType::BFloat16, DType::Float16}) {
        const Tensor tensor = *castTensor(floats, type);
        const TensorStats one = scanOf(tensor, 1).stats(), many = scanOf(tensor, 0).stats();
        EXPECT_EQ(one.mean, many.mean);
        EXPECT_EQ(one.m2, many.m2);
        EXPECT_EQ(one.m3, many.m3);
        EXPECT_EQ(one.m4, many.m4);
    }
}

namespace {

/// Large enough for early looks; values depend on where they lie.
Tensor largeTensor(DType type) {
    constexpr std::int64_t kCount = (129LL << 18) + 77;
    Tensor tensor = Tensor::allocate(type, {kCount});
    for (std::int64_t i = 0; i < kCount; ++i) {
        const float x = static_cast<float>(i % 1000 - 500) * (i > kCount / 2 ? 2.0f : 1.0f);
        if (type == DType::Float32)
            tensor.mutableValues<float>()[static_cast<std::size_t>(i)] = x;
        else
            tensor.mutableValues<std::uint16_t>()[static_cast<std::size_t>(i)] = floatToBFloat16(x);
    }
    return tensor;
}

} // namespace

TEST(TensorScan, EarlyLooksArePartialAndSpreadOverTheTensor) {
    for (const DType type : {DType::BFloat16, DType::Float32}) {
        const Tensor tensor = largeTensor(type);
        std::int64_t before = 0;
        int looks = 0;
        const auto look = [&](const TensorScan &scan) {
            ++looks;
            EXPECT_FALSE(scan.isComplete());
            EXPECT_EQ(scan.isCut(), type == DType::Float32);
            EXPECT_GT(scan.seen(), before);
            EXPECT_LT(scan.seen(), scan.total());
            before = scan.seen();
            EXPECT_EQ(scan.stats().count, scan.seen());
            const BinCounts bins = *scan.bins(-1000, 1000, 4, {});
            EXPECT_EQ(std::accumulate(bins.counts.begin(), bins.counts.end(), std::int64_t{0}), scan.seen());
            // Only the second half of the tensor reaches beyond 500: about a quarter of what was seen.
            const auto far = static_cast<double>(bins.counts[0] + bins.counts[3]);
            EXPECT_NEAR(far / static_cast<double>(scan.seen()), 0.25, 0.05);
        };
        const TensorScan scan = *TensorScan::read(tensor, look, {});
        EXPECT_GE(looks, 1);
        EXPECT_TRUE(scan.isComplete() && !scan.isCut());
        const TensorScan quiet = scanOf(tensor);
        EXPECT_EQ(scan.stats().m4, quiet.stats().m4); // the order of reading does not matter
        EXPECT_EQ(scan.bins(-1000, 1000, 256, {})->counts, quiet.bins(-1000, 1000, 256, {})->counts);
    }
}

TEST(TensorScan, StopsWhenCancelledInTheMiddle) {
    std::stop_source stop;
    RunContext ctx;
    ctx.stop = stop.get_token();
    int looks = 0;
    const auto scan = TensorScan::read(
        largeTensor(DType::BFloat16),
        [&](const TensorScan &) {
            ++looks;
            stop.request_stop();
        },
        ctx);
    ASSERT_FALSE(scan);
    EXPECT_EQ(scan.error().code, ErrorCode::Cancelled);
    EXPECT_EQ(looks, 1);
}

TEST(TensorScan, MoreValuesThanOneRoundNeedNobodyToWatch) {
    // Pages that were never written are all the same one: 2 GiB of zeros without memory.
    constexpr std::int64_t kCount = (1LL << 30) + (1LL << 18) + 5;
    constexpr std::size_t kBytes = 2 * kCount;
    void *pages = mmap(nullptr, kBytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ASSERT_NE(pages, MAP_FAILED);
    const std::shared_ptr<std::byte> bytes(static_cast<std::byte *>(pages),
                                           [](std::byte *first) { munmap(first, kBytes); });
    const TensorScan scan = scanOf(Tensor::wrap(DType::Float16, {kCount}, bytes));
    EXPECT_TRUE(scan.isComplete());
    EXPECT_EQ(scan.stats().zeroCount, kCount);
    EXPECT_EQ(scan.stats().max, 0);
}

TEST(TensorScan, ElementsWithoutValueAreRefused) {
    const auto scan = TensorScan::read(Tensor::zeros(DType::Complex64, {4}), nullptr, {});
    ASSERT_FALSE(scan);
    EXPECT_EQ(scan.error().code, ErrorCode::Unsupported);
}

TEST(PatternCounts, RanksAreThoseOfTheSortedValues) {
    std::vector<std::uint16_t> patterns{0x7E00, 0xFC00, 0x8000, 0x0000};
    for (int i = 1; i <= 1000; ++i)
        patterns.push_back(floatToFloat16(static_cast<float>(i % 2 ? i : -i / 3)));
    const Tensor tensor = patternsAs(DType::Float16, patterns);
    const TensorScan scan = scanOf(tensor);
    std::vector<double> sorted = valuesOf(tensor);
    std::erase_if(sorted, [](double x) { return !std::isfinite(x); });
    std::ranges::sort(sorted);
    for (std::size_t i = 0; i < sorted.size(); ++i)
        ASSERT_EQ(scan.patterns()->atRank(static_cast<std::int64_t>(i) + 1), sorted[i]) << i;
}

TEST(PatternCounts, CutValuesKeepTheirBound) {
    PatternTally tally;
    PatternCounts counts;
    std::uint32_t state = 9;
    for (int i = 0; i < 100000; ++i) {
        state = 1664525u * state + 1013904223u;
        const auto x = std::bit_cast<float>(state);
        if (!std::isfinite(x))
            continue;
        const std::size_t pattern = state >> 16;
        const double bound = PatternCounts::kCutBound * std::fabs(static_cast<double>(x)) + 0x1p-133;
        ASSERT_LT(std::fabs(counts.value(pattern) - static_cast<double>(x)), bound);
        tally.addCut({&x, 1});
    }
    tally.drainInto(counts.counts());
    EXPECT_GT(counts.stats().count, 99000);
}

} // namespace qs
