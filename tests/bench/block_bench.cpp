#include "core/base/parallel.h"
#include "core/tensor/blocks/block_codec.h"

#include <benchmark/benchmark.h>
#include <cmath>

namespace qs {
namespace {

constexpr std::int64_t kCols = 4096;

/// Roughly normal weights, the same everywhere.
std::vector<float> weightsOf(std::int64_t count) {
    std::vector<float> values(static_cast<std::size_t>(count));
    std::uint32_t state = 1;
    for (float &value : values) {
        float sum = 0;
        for (int part = 0; part < 4; ++part) {
            state = 1664525u * state + 1013904223u;
            sum += static_cast<float>(state >> 8) / (1 << 23) - 1.0f;
        }
        value = 0.02f * sum;
    }
    return values;
}

RunContext contextOf(const benchmark::State &state) {
    return {{}, nullptr, static_cast<int>(state.range(1))};
}

void countElements(benchmark::State &state) {
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

void encodeWeights(benchmark::State &state, BlockType type) {
    const std::vector<float> values = weightsOf(state.range(0));
    const MatrixView<const float> matrix{values.data(), state.range(0) / kCols, kCols};
    for (auto round : state)
        if (!encodeBlocks(type, matrix, contextOf(state)))
            state.SkipWithError("the blocks could not be written");
    countElements(state);
}

void decodeWeights(benchmark::State &state, BlockType type) {
    const std::vector<float> values = weightsOf(state.range(0));
    const auto blocks = encodeBlocks(type, {values.data(), state.range(0) / kCols, kCols}, {});
    std::vector<float> decoded(values.size());
    for (auto round : state) {
        decodeBlocks(type, *blocks, decoded);
        benchmark::DoNotOptimize(decoded.data());
    }
    countElements(state);
}

/// What the rules of Q8_0 say, element by element: the peer of the encoder.
void plainQ8(benchmark::State &state) {
    const std::vector<float> values = weightsOf(state.range(0));
    std::vector<std::int8_t> codes(values.size());
    std::vector<float> scales(values.size() / 32);
    for (auto round : state) {
        for (std::size_t block = 0; block < scales.size(); ++block) {
            float largest = 0;
            for (std::size_t i = 0; i < 32; ++i)
                largest = std::max(largest, std::fabs(values[32 * block + i]));
            scales[block] = largest / 127;
            for (std::size_t i = 0; i < 32; ++i)
                codes[32 * block + i] =
                    static_cast<std::int8_t>(std::round(values[32 * block + i] / scales[block]));
        }
        benchmark::DoNotOptimize(codes.data());
    }
    countElements(state);
}

void sizes(benchmark::internal::Benchmark *bench) {
    bench->ArgNames({"elements", "threads"})
        ->ArgsProduct({{1 << 16, 1 << 24}, {1, 2}})
        ->MeasureProcessCPUTime()
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
}

void oneThread(benchmark::internal::Benchmark *bench) {
    bench->ArgNames({"elements", "threads"})
        ->ArgsProduct({{1 << 16, 1 << 24}, {1}})
        ->MeasureProcessCPUTime()
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
}

/// Every format that can be written.
const bool kEncoders = [] {
    for (const BlockFormat &format : blockFormats())
        if (canEncode(format.type))
            sizes(benchmark::RegisterBenchmark(("blocks_encode/" + std::string(format.name)).c_str(),
                                               encodeWeights, format.type));
    return true;
}();
BENCHMARK_CAPTURE(decodeWeights, q4_k, BlockType::Q4_K)->Name("blocks_decode/q4_k")->Apply(oneThread);
BENCHMARK(plainQ8)->Name("blocks_plain/q8_0")->Apply(oneThread);

} // namespace
} // namespace qs
