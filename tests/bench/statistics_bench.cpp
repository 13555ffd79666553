#include "core/base/parallel.h"
#include "core/tensor/histogram.h"
#include "core/tensor/tensor_stats.h"

#include <benchmark/benchmark.h>
#include <cstring>

namespace qs {
namespace {

/// A tensor's values as views see them: dense around 0, a few far out.
std::vector<float> sampleWeights(std::int64_t count) {
    std::vector<float> values(static_cast<std::size_t>(count));
    std::uint32_t state = 1;
    for (float &value : values) {
        state = 1664525u * state + 1013904223u;
        const float uniform = static_cast<float>(state >> 8) / (1 << 23) - 1.0f;
        value = uniform * uniform * uniform;
    }
    return values;
}

RunContext contextOf(const benchmark::State &state) {
    return {{}, nullptr, static_cast<int>(state.range(1))};
}

void countBytes(benchmark::State &state) {
    state.SetBytesProcessed(state.iterations() * state.range(0) * static_cast<std::int64_t>(sizeof(float)));
}

/// The yardstick: the same bytes copied.
void copyBytes(benchmark::State &state) {
    const std::vector<float> src = sampleWeights(state.range(0));
    std::vector<float> dst(src.size());
    const RunContext ctx = contextOf(state);
    constexpr std::int64_t kBlock = 1 << 18;
    for (auto round : state) {
        const auto copied =
            parallelFor(state.range(0), kBlock, ctx, [&](std::int64_t begin, std::int64_t end) {
                std::memcpy(dst.data() + begin, src.data() + begin,
                            static_cast<std::size_t>(end - begin) * sizeof(float));
            });
        benchmark::DoNotOptimize(copied);
        benchmark::ClobberMemory();
    }
    countBytes(state);
}

/// Moments, extremes, then 256 bins between the extremes.
void describeTensor(benchmark::State &state) {
    const std::vector<float> values = sampleWeights(state.range(0));
    const RunContext ctx = contextOf(state);
    for (auto round : state) {
        const auto stats = computeStats(values, ctx);
        const auto histogram = computeHistogram(values, stats->min, stats->max, 256, ctx);
        benchmark::DoNotOptimize(histogram->total());
    }
    countBytes(state);
}

void sizes(benchmark::internal::Benchmark *bench) {
    bench->ArgNames({"elements", "threads"})
        ->ArgsProduct({{1 << 16, 1 << 24}, {1, 2}})
        ->MeasureProcessCPUTime()
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
}

BENCHMARK(copyBytes)->Name("memcpy")->Apply(sizes);
BENCHMARK(describeTensor)->Name("statistics")->Apply(sizes);

} // namespace
} // namespace qs
