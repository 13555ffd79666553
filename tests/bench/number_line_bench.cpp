#include "core/metrics/format_error.h"

#include <benchmark/benchmark.h>

namespace qs {
namespace {

/// As statistics_bench: dense around 0, a few far out.
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

void finish(benchmark::State &state) {
    state.SetBytesProcessed(state.iterations() * state.range(0) * static_cast<std::int64_t>(sizeof(float)));
}

/// Sorting with moments: what a tensor costs once.
void sortValues(benchmark::State &state) {
    const std::vector<float> values = sampleWeights(state.range(0));
    for (auto round : state)
        benchmark::DoNotOptimize(SortedValues::build(values, contextOf(state))->sumOfSquares());
    finish(state);
}

/// What one move of a clip handle costs, exactly: scale, errors, codes used, and 300 bins.
void moveClip(benchmark::State &state, const char *id) {
    const SortedValues values = SortedValues::build(sampleWeights(state.range(0)), {}).value();
    const NumberFormat &format = **findFormat(id);
    double clip = 1;
    for (auto round : state) {
        clip = clip < 0.2 ? 1 : clip * 0.993; // another place every time
        const CodePoints points = codePoints(format, -clip, clip);
        benchmark::DoNotOptimize(formatError(values, points).squaredError());
        benchmark::DoNotOptimize(binnedError(values, &points, -1, 1, 300).errors.data());
    }
    finish(state);
}

/// The same question as a plain pass over all values (without bins).
void plainPass(benchmark::State &state, const char *id) {
    const std::vector<float> values = sampleWeights(state.range(0));
    const CodePoints points = codePoints(**findFormat(id), -0.5, 0.5);
    for (auto round : state)
        benchmark::DoNotOptimize(formatErrorReference(values, points).squaredError());
    finish(state);
}

void sizes(benchmark::internal::Benchmark *bench) {
    bench->ArgNames({"elements", "threads"})
        ->ArgsProduct({{1 << 16, 1 << 24}, {1, 2}})
        ->MeasureProcessCPUTime()
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
}
void sizesOfOneThread(benchmark::internal::Benchmark *bench) {
    bench->ArgNames({"elements", "threads"})
        ->ArgsProduct({{1 << 16, 1 << 24}, {1}})
        ->MeasureProcessCPUTime()
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
}

BENCHMARK(sortValues)->Name("numberline_prepare")->Apply(sizes);
BENCHMARK_CAPTURE(moveClip, int4, "int4-s2")->Name("numberline_clip/int4-s2")->Apply(sizesOfOneThread);
BENCHMARK_CAPTURE(moveClip, int8, "int8-asymmetric")
    ->Name("numberline_clip/int8-asymmetric")
    ->Apply(sizesOfOneThread);
BENCHMARK_CAPTURE(moveClip, nf4, "nf4")->Name("numberline_clip/nf4")->Apply(sizesOfOneThread);
BENCHMARK_CAPTURE(plainPass, int4, "int4-s2")->Name("numberline_plain/int4-s2")->Apply(sizesOfOneThread);

} // namespace
} // namespace qs
