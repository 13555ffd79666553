#include "core/exec/hessian_accumulator.h"
#include "core/exec/onednn_gemm.h"
#include "plugins/rounding/panel_rows.h"
#include "plugins/rounding/quantease_panel.h"
#include "plugins/rounding/row_errors.h"
#include "plugins/support/run_blocks.h"
#include "tests/support/bundled_methods.h"
#include "tests/support/hessian_fixture.h"

#include <benchmark/benchmark.h>

namespace qs {
namespace {

using test::RowMajorF;

/// Float matrices by formula: the values do not matter, but must not be denormal.
RowMajorF formulaMatrix(Eigen::Index rows, Eigen::Index cols) {
    RowMajorF matrix(rows, cols);
    for (Eigen::Index i = 0; i < matrix.size(); ++i)
        matrix.data()[i] = static_cast<float>(std::sin(0.37 * static_cast<double>(i % 100003)));
    return matrix;
}

/// H of correlated inputs of different energy.
test::RowMajorD formulaHessian(Eigen::Index size) {
    test::RowMajorD hessian(size, size);
    for (Eigen::Index i = 0; i < size; ++i)
        for (Eigen::Index j = 0; j < size; ++j)
            hessian(i, j) = (0.5 + static_cast<double>(i * 7919 % 101) / 50) *
                            (0.5 + static_cast<double>(j * 7919 % 101) / 50) *
                            std::pow(0.9, static_cast<double>(std::abs(i - j)));
    return hessian;
}

void reportRate(benchmark::State &state, double multiplyAdds) {
    state.counters["gflops"] = benchmark::Counter(
        2e-9 * multiplyAdds * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

/// The yardstick: oneDNN's product of the same size.
void gemmOfSize(benchmark::State &state) {
    const std::int64_t size = state.range(0);
    const RowMajorF a = formulaMatrix(size, size), b = formulaMatrix(size, size);
    RowMajorF dst = RowMajorF::Zero(size, size);
    const RunContext ctx{{}, nullptr, static_cast<int>(state.range(1))};
    for (auto round : state)
        if (!gemm({size, size, size}, 1.0f, {a.data(), size}, {b.data(), size}, 0.0f, dst.data(), size, ctx))
            state.SkipWithError("the product failed");
    reportRate(state, std::pow(static_cast<double>(size), 3));
}

/// One sweep of QuantEase over a square layer: m d² multiply-adds are its bound.
void quantEaseSweep(benchmark::State &state) {
    const std::int64_t size = state.range(0);
    const RowMajorF weights = formulaMatrix(size, size);
    const test::RowMajorD hessian = formulaHessian(size);
    SolverServices services;
    services.maxThreads = static_cast<int>(state.range(1));
    services.fitGrid = [](std::span<const float>) { return ScaleZero{2.0f / 15, 8}; };
    SliceScheme scheme;
    scheme.range = {0, 15};
    const auto coupling = coupleColumns({hessian.data(), size, size}, false, services);
    const auto grids = fitGrids({weights.data(), size, size}, scheme, services);
    const auto start = roundToNearest({weights.data(), size, size}, *grids, services);
    const std::vector<double> errors(static_cast<std::size_t>(size), 0.0);
    std::vector<std::unique_ptr<QuantEasePanel>> panels;
    for (std::int64_t row = 0; row < size; row += panelRows(size)) {
        panels.push_back(std::make_unique<QuantEasePanel>(MatrixView<const float>{weights.data(), size, size},
                                                          *coupling, *grids, services, row,
                                                          std::min(panelRows(size), size - row)));
        panels.back()->startFrom(*start, errors);
    }
    for (auto round : state)
        if (!runBlocks(
                static_cast<std::int64_t>(panels.size()), 1, services,
                [&](std::int64_t i, std::int64_t) { panels[static_cast<std::size_t>(i)]->sweep(false); }))
            state.SkipWithError("the sweep failed");
    reportRate(state, std::pow(static_cast<double>(size), 3));
}

/// Σ x xᵀ over as many tokens as there are columns; counted as the full product, of which it needs half.
void hessianAccumulation(benchmark::State &state) {
    const std::int64_t size = state.range(0);
    Layer layer;
    layer.inPerOut = size;
    auto accumulator = HessianAccumulator::create(layer, ModelGraph{});
    Tensor inputs = Tensor::zeros(DType::Float32, {size, size});
    const RowMajorF values = formulaMatrix(size, size);
    std::copy_n(values.data(), values.size(), inputs.mutableValues<float>().data());
    const RunContext ctx{{}, nullptr, static_cast<int>(state.range(1))};
    for (auto round : state)
        if (!accumulator || !accumulator->add(inputs, {}, ctx))
            state.SkipWithError("the accumulation failed");
    reportRate(state, std::pow(static_cast<double>(size), 3));
}

/// A layer of 256 x 768 with every rounding method at its defaults, through the ABI.
void roundLayer(benchmark::State &state, const char *id) {
    const auto method = test::bundledMethod(id);
    if (!method)
        return state.SkipWithError("the plugin was not found beside this program");
    auto layer =
        test::HessianFixture::withHessian(formulaMatrix(256, 768).cast<double>(), formulaHessian(768));
    const QuantizeRequest request = layer.request(4);
    const RunContext ctx{{}, nullptr, 1};
    Result<QuantizedMatrix> matrix;
    for (auto round : state)
        matrix = method->quantize(request, ctx);
    if (!matrix)
        return state.SkipWithError(matrix.error().text().c_str());
    state.counters["relative_error"] = layer.error(*matrix) / layer.energy(layer.exact);
}

/// No powers of two: oneDNN's product loses two thirds of its rate there and would be no yardstick.
void sizes(benchmark::internal::Benchmark *bench) {
    bench->ArgNames({"size", "threads"})
        ->ArgsProduct({{512, 2000, 4000}, {1, 2}})
        ->MeasureProcessCPUTime()
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
}

BENCHMARK(gemmOfSize)->Name("gemm")->Apply(sizes);
BENCHMARK(quantEaseSweep)->Name("quantease_sweep")->Apply(sizes);
BENCHMARK(hessianAccumulation)->Name("hessian")->Apply(sizes);

#define QS_BENCH_METHOD(id)                                                                                  \
    BENCHMARK_CAPTURE(roundLayer, id, #id)                                                                   \
        ->Name("round_256x768/" #id "/threads:1")                                                            \
        ->MeasureProcessCPUTime()                                                                            \
        ->UseRealTime()                                                                                      \
        ->Unit(benchmark::kMillisecond)
QS_BENCH_METHOD(rtn);
QS_BENCH_METHOD(gptq);
QS_BENCH_METHOD(quantease);
QS_BENCH_METHOD(decoupleq);
QS_BENCH_METHOD(spqr);
QS_BENCH_METHOD(adaround);
QS_BENCH_METHOD(adaquant);

} // namespace
} // namespace qs
