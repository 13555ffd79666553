#include "core/exec/executor.h"
#include "core/io/calibration_set.h"
#include "core/io/importer.h"

#include <benchmark/benchmark.h>

namespace qs {
namespace {

struct Sample {
    const char *model, *data;
};
constexpr Sample kSamples[] = {{"glyph-cnn", "glyph-calib"},
                               {"glyph-vit", "glyph-calib"},
                               {"tiny-llama", "tiny-llama-calib"},
                               {"glyph-dit", "glyph-dit-calib"}};

struct Forward {
    std::shared_ptr<const Executor> executor;
    std::vector<Tensor> inputs;
};

/// A sample model with the first samples of its calibration set.
Result<Forward> openForward(const Sample &sample, std::int64_t batch) {
    const std::filesystem::path folder = QS_SAMPLE_DATA;
    FindingList findings;
    QS_TRY(const auto model, openModel(folder / (std::string(sample.model) + ".onnx"), findings, {}));
    QS_TRY(const auto set, CalibrationSet::open(folder / (std::string(sample.data) + ".h5"), {}));
    Forward forward;
    QS_TRY(forward.executor, Executor::create(model));
    QS_TRY(forward.inputs, readModelInputs(*set, model->graph, 0, batch));
    return forward;
}

/// One pass without taps or substitutions.
void runForward(benchmark::State &state, const Sample &sample) {
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
    for (const Sample &sample : kSamples)
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
