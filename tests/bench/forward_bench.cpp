#include "tests/bench/sample_model.h"

#include <benchmark/benchmark.h>

namespace qs {
namespace {

constexpr SampleModel kSamples[] = {{"glyph-cnn", "glyph-calib"},
                                    {"glyph-vit", "glyph-calib"},
                                    {"tiny-llama", "tiny-llama-calib"},
                                    {"glyph-dit", "glyph-dit-calib"}};

struct Forward {
    std::shared_ptr<const Executor> executor;
    std::vector<Tensor> inputs;
};

/// A sample model with the first samples of its calibration set.
Result<Forward> openForward(const SampleModel &sample, std::int64_t batch) {
    QS_TRY(const OpenedSample opened, openSample(sample));
    Forward forward;
    forward.executor = opened.executor;
    QS_TRY(forward.inputs, readModelInputs(*opened.set, opened.executor->model().graph, 0, batch));
    return forward;
}

/// One pass without taps or substitutions.
void runForward(benchmark::State &state, const SampleModel &sample) {
    const auto forward = openForward(sample, state.range(0));
    if (!forward) {
        state.SkipWithError(forward.error().text().c_str());
        return;
    }
    const RunContext ctx{{}, nullptr, static_cast<int>(state.range(1))};
    for (auto round : state) {
        const auto outputs = forward->executor->run(forward->inputs, {}, ctx);
        if (!outputs)
            state.SkipWithError(outputs.error().text().c_str());
    }
}

const bool kRegistered = [] {
    for (const SampleModel &sample : kSamples)
        benchmark::RegisterBenchmark((std::string("forward/") + sample.model).c_str(), runForward, sample)
            ->ArgNames({"batch", "threads"})
            ->ArgsProduct({{1, 32}, {1, 2}})
            ->MeasureProcessCPUTime()
            ->UseRealTime()
            ->Unit(benchmark::kMillisecond);
    return true;
}();

} // namespace
} // namespace qs
