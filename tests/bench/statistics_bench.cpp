#include "core/base/parallel.h"
#include "core/tensor/convert.h"
#include "core/tensor/tensor_scan.h"

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

/// Moments, extremes, then 256 bins between the extremes, of values as a file stores them.
void describeTensor(benchmark::State &state, DType type) {
    const std::vector<float> values = sampleWeights(state.range(0));
    const Tensor stored = *castTensor(Tensor::fromValues<float>({state.range(0)}, values), type);
    const RunContext ctx = contextOf(state);
    for (auto round : state) {
        const auto scan = TensorScan::read(stored, nullptr, ctx);
        const auto bins = scan->bins(scan->stats().min, scan->stats().max, 256, ctx);
        benchmark::DoNotOptimize(bins->counts.data());
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(stored.sizeBytes()));
}

/// In the caches nearest to a core, 64 MiB (which large servers still keep in a cache), and 1 GiB, which
/// comes from memory. \param perFloat  values in the place of one float32
void sizes(benchmark::internal::Benchmark *bench, std::int64_t perFloat) {
    bench->ArgNames({"elements", "threads"})
        ->ArgsProduct({{1 << 16, perFloat << 24, perFloat << 28}, {1, 2}})
        ->MeasureProcessCPUTime()
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
}
void floatSizes(benchmark::internal::Benchmark *bench) {
    sizes(bench, 1);
}
void halfSizes(benchmark::internal::Benchmark *bench) {
    sizes(bench, 2);
}

BENCHMARK(copyBytes)->Name("memcpy")->Apply(floatSizes);
BENCHMARK_CAPTURE(describeTensor, float32, DType::Float32)->Name("statistics/float32")->Apply(floatSizes);
BENCHMARK_CAPTURE(describeTensor, bfloat16, DType::BFloat16)->Name("statistics/bfloat16")->Apply(halfSizes);
BENCHMARK_CAPTURE(describeTensor, float16, DType::Float16)->Name("statistics/float16")->Apply(halfSizes);

} // namespace
} // namespace qs
