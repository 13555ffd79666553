#include "app/cli/input_options.h"

#include "app/cli/exit_code.h"
#include "core/exec/captured_activations.h"
#include "core/io/calibration_origin.h"
#include "core/io/importer.h"
#include "core/session/run.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace qs::app {
namespace {

Result<std::shared_ptr<const CalibrationSet>> openSet(const std::filesystem::path &file, const Model &model,
                                                      const CommandContext &context) {
    if (file.empty())
        return std::shared_ptr<const CalibrationSet>();
    QS_CHECK_OK(checkExists(file));
    auto set = CalibrationSet::open(file, context.run);
    if (!set)
        return fail(inInputFile(std::move(set).error()));
    if (auto fits = checkFits(**set, model.graph); !fits)
        return fail(inInputFile(std::move(fits).error()));
    tellUnused(**set, model.graph, context.findings);
    return *set;
}

void describe(Provenance *provenance, std::string source, const Capture &capture) {
    if (!provenance)
        return;
    provenance->calibrationFile = std::move(source);
    provenance->calibrationSha256 = capture.calibrationSha256;
    provenance->calibrationSamples = capture.samples;
}

/// Edits (insert, delete, replace a character) between two names.
std::size_t editDistance(const std::string &a, const std::string &b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row.back();
}

} // namespace

Status checkExists(const std::filesystem::path &file, Folders folders) {
    std::error_code error;
    if (!std::filesystem::exists(file, error))
        return fail(ErrorCode::NotFound, "there is no such file. Check the path.", file.string());
    if (folders == Folders::Refused && std::filesystem::is_directory(file, error))
        return fail(ErrorCode::NotFound, "is a folder. Name a file in it.", file.string());
    return {};
}

void InputOptions::addModel(CLI::App &app) {
    app.add_option("MODEL", m_model,
                   "The model: an ONNX or safetensors file, or the folder of a Hugging Face model")
        ->required()
        ->type_name("FILE");
}

void InputOptions::addCalibration(CLI::App &app, bool required) {
    app.add_option("--calib", m_calibration, "Calibration tensors (HDF5: inputs/<name>)")
        ->required(required)
        ->type_name("FILE");
    app.add_option("--calib-samples", m_calibrationSamples, "Use only the first N samples (0 = all)")
        ->check(CLI::NonNegativeNumber)
        ->type_name("N");
    m_memoryLimit.add(app, "MiB that calibration may take, weights excluded: it goes layer group by layer "
                           "group then, with the same results (0 = no limit)");
}

void InputOptions::addEvaluation(CLI::App &app, bool required) {
    app.add_option("--eval", m_evaluation, "Evaluation tensors, with labels if there are any (HDF5)")
        ->required(required)
        ->type_name("FILE");
    app.add_option("--eval-samples", m_evaluationSamples, "Use only the first N samples (0 = all)")
        ->check(CLI::NonNegativeNumber)
        ->type_name("N");
}

void InputOptions::addCaptured(CLI::App &app) {
    app.add_option("--captured", m_captured,
                   "Activations captured elsewhere (HDF5 of quantoscope_capture.py) instead of --calib: the "
                   "model need not run here")
        ->type_name("FILE");
}

CLI::Option *MemoryLimitOption::add(CLI::App &app, const std::string &help) {
    // CLI11's own check lets NaN pass and names a number of 309 digits.
    const auto isAmount = [](const std::string &text) -> std::string {
        double mebibytes = 0;
        const bool fits =
            CLI::detail::lexical_cast(text, mebibytes) && mebibytes >= 0 && mebibytes <= kMostMib;
        return fits ? "" : fmt::format("'{}' is no number of MiB from 0 to {:.0f}", text, kMostMib);
    };
    return app.add_option("--memory-limit", m_mebibytes, help)->check(isAmount)->type_name("MIB");
}

void addCost(const CalibrationCost &cost, std::int64_t limit, CommandOutput &output) {
    if (limit <= 0)
        return;
    output.document["calibration_memory"] = {{"limit_bytes", limit},
                                             {"peak_bytes", cost.peakBytes},
                                             {"groups", cost.groups},
                                             {"passes", cost.passes}};
    if (cost.passes > 0)
        output.text += "\n" + cost.text() + "\n";
}

void InputOptions::addCost(const Capture &capture, CommandOutput &output) const {
    if (capture.origin.empty())
        app::addCost({memoryLimit(), capture.peakBytes, 0, 1}, memoryLimit(), output);
}

Result<std::shared_ptr<const Capture>> InputOptions::capture(const std::shared_ptr<const Model> &model,
                                                             const CommandContext &context,
                                                             Provenance *provenance) const {
    CaptureOptions options;
    options.maxSamples = m_calibrationSamples;
    options.memoryLimit = memoryLimit();
    if (!m_captured.empty() && !m_calibration.empty())
        return fail(ErrorCode::InvalidArgument,
                    "--captured and --calib exclude each other: give one of them");
    if (!m_captured.empty()) {
        QS_CHECK_OK(checkExists(m_captured));
        auto file = ActivationFile::open(m_captured, context.run);
        if (!file)
            return fail(inInputFile(std::move(file).error()));
        auto capture = captureFromFile(**file, *model, options, context.findings, context.run);
        if (!capture)
            return fail(inInputFile(std::move(capture).error()));
        describe(provenance, m_captured.filename().string() + ", captured elsewhere", **capture);
        return capture;
    }
    QS_TRY(const auto set, openCalibration(*model, context));
    if (!set)
        return std::shared_ptr<const Capture>();
    QS_TRY(const auto executor, openExecutor(model, true, context));
    auto capture = captureActivations(*executor, *set, options, context.findings, context.run);
    if (capture)
        describe(provenance, sourceName(*set), **capture);
    return capture;
}

Result<std::shared_ptr<const Model>> openModelFile(const std::filesystem::path &file,
                                                   const CommandContext &context) {
    QS_CHECK_OK(checkExists(file, Folders::Allowed));
    auto model = qs::openModel(file, context.findings, context.run);
    if (!model)
        return fail(inInputFile(std::move(model).error()));
    return *model;
}

Result<std::shared_ptr<const Model>> InputOptions::openModel(const CommandContext &context) const {
    return openModelFile(m_model, context);
}

Result<std::shared_ptr<const CalibrationSet>>
InputOptions::openCalibration(const Model &model, const CommandContext &context) const {
    return openSet(m_calibration, model, context);
}

Result<std::shared_ptr<const CalibrationSet>>
InputOptions::openEvaluation(const Model &model, const CommandContext &context) const {
    return openSet(m_evaluation, model, context);
}

Result<std::shared_ptr<const Executor>> openExecutor(const std::shared_ptr<const Model> &model, bool needed,
                                                     const CommandContext &context) {
    auto executor = Executor::create(model);
    if (executor || needed || executor.error().code != ErrorCode::Unsupported)
        return executor;
    context.findings.add(Severity::Warning, executor.error().message, executor.error().where,
                         "Only what needs no execution is done: no calibration, no measurement of outputs.");
    return std::shared_ptr<const Executor>();
}

Result<const Layer *> findLayer(const Model &model, const std::string &name) {
    if (const Layer *layer = model.findLayer(name))
        return layer;
    const Layer *closest = nullptr;
    std::size_t least = name.size() / 2 + 2;
    for (const Layer &layer : model.layers)
        if (const std::size_t distance = editDistance(name, layer.name); distance < least) {
            closest = &layer;
            least = distance;
        }
    return fail(ErrorCode::InvalidArgument,
                closest ? fmt::format("there is no layer '{}'. Did you mean '{}'?", name, closest->name)
                        : fmt::format("there is no layer '{}'. `qscope info` lists all {}.", name,
                                      model.layers.size()),
                model.file.filename().string());
}

} // namespace qs::app
