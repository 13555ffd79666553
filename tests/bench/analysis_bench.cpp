#include "core/analysis/quantize_layer.h"
#include "core/analysis/sensitivity.h"
#include "tests/bench/sample_model.h"

#include <benchmark/benchmark.h>

namespace qs {
namespace {

constexpr SampleModel kSamples[] = {
    {"glyph-cnn", "glyph-calib"}, {"glyph-vit", "glyph-calib"}, {"tiny-llama", "tiny-llama-calib"}};

/// Calibration: statistics and histogram of what enters every layer.
Status calibrate(const OpenedSample &sample, std::int64_t samples, const RunContext &ctx) {
    CaptureOptions options;
    options.maxSamples = samples;
    FindingList findings;
    return captureActivations(*sample.executor, *sample.set, options, findings, ctx)
        .transform([](const auto &) {});
}

void runCapture(benchmark::State &state, const SampleModel &model) {
    const auto sample = openSample(model);
    if (!sample) {
        state.SkipWithError(sample.error().text().c_str());
        return;
    }
    const RunContext ctx{{}, nullptr, static_cast<int>(state.range(1))};
    for (auto round : state)
        if (const Status status = calibrate(*sample, state.range(0), ctx); !status)
            state.SkipWithError(status.error().text().c_str());
}

const std::vector<int> kBits = {2, 3, 4, 8};

/// Every layer alone at every bit-width, as the sensitivity table is measured.
Status measureTable(const OpenedSample &sample, const MethodRegistry &methods, const Evaluator &evaluator,
                    const RunContext &ctx) {
    SensitivityOptions options;
    options.bits = kBits;
    FindingList findings;
    return measureSensitivity(evaluator, sample.executor->model(), nullptr, methods, options, {}, findings,
                              ctx)
        .transform([](const auto &) {});
}

/// The same variants, each run from the inputs to the outputs by the same executor.
Status runEachFromTheStart(const OpenedSample &sample, const MethodRegistry &methods,
                           const Evaluator &evaluator, const RunContext &ctx) {
    const Model &model = sample.executor->model();
    FindingList findings;
    for (const Layer &layer : model.layers)
        for (const int bits : kBits) {
            LayerChoice choice;
            choice.weight.emplace();
            choice.weight->scheme.grid.bits = bits;
            QS_TRY(const QuantizedLayer variant,
                   quantizeLayer(model, layer, choice, nullptr, methods, 0, findings, ctx));
            QS_CHECK_OK(evaluator.evaluate(std::span(&variant, 1), ctx));
        }
    return {};
}

using Work = Status (*)(const OpenedSample &, const MethodRegistry &, const Evaluator &, const RunContext &);

void runSensitivity(benchmark::State &state, const SampleModel &model, Work work) {
    const RunContext ctx{{}, nullptr, static_cast<int>(state.range(1))};
    const auto sample = openSample(model);
    FindingList findings;
    const auto evaluator =
        sample ? Evaluator::create(sample->executor, sample->set, state.range(0), findings, ctx)
               : Result<std::shared_ptr<const Evaluator>>(fail(Error(sample.error())));
    MethodRegistry methods;
    if (!evaluator || !methods.add(makeRtnQuantizer())) {
        state.SkipWithError("the sample does not open");
        return;
    }
    for (auto round : state)
        if (const Status status = work(*sample, methods, **evaluator, ctx); !status)
            state.SkipWithError(status.error().text().c_str());
}

void add(const std::string &name, std::int64_t samples, const std::function<void(benchmark::State &)> &run) {
    benchmark::RegisterBenchmark(name.c_str(), run)
        ->ArgNames({"samples", "threads"})
        ->ArgsProduct({{samples}, {1, 2}})
        ->MeasureProcessCPUTime()
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
}

const bool kRegistered = [] {
    for (const SampleModel &sample : kSamples) {
        const std::string name = sample.model;
        add("capture/" + name, 128, [sample](benchmark::State &state) { runCapture(state, sample); });
        add("sensitivity/" + name, 16,
            [sample](benchmark::State &state) { runSensitivity(state, sample, measureTable); });
        add("sensitivity_from_start/" + name, 16,
            [sample](benchmark::State &state) { runSensitivity(state, sample, runEachFromTheStart); });
    }
    return true;
}();

} // namespace
} // namespace qs
