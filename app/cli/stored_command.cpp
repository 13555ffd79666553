#include "app/cli/stored_command.h"

#include "app/cli/project_command.h"
#include "app/cli/run_job.h"
#include "core/base/atomic_file.h"
#include "core/base/json_text.h"
#include "core/base/number_text.h"
#include "core/session/stored_run.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace qs::app {
namespace {

std::string formsText(const Run &run, const Model &quantized) {
    std::map<std::string, int> forms;
    for (const auto &[layer, stored] : quantized.stored)
        ++forms[stored->form];
    std::string text =
        fmt::format("\n{} of {} layers hold codes\n", run.quantizedLayers().size(), run.layers.size());
    for (const auto &[form, count] : forms)
        text += fmt::format("  {} x {}\n", count, form);
    return text;
}

std::string summaryText(const Run &run, const Model &quantized) {
    std::string text = layerTable(run) + formsText(run, quantized) +
                       fmt::format("{:.3f} effective bits per weight, {} of weights\n", run.effectiveBits(),
                                   bytesText(run.weightBytes()));
    if (!run.hasOriginal())
        text += "Errors are not available: the float weights are not in this file. --original FILE compares "
                "with them.\n";
    if (run.baseline && run.total)
        text += fmt::format("Whole model on {} samples of {}\n",
                            withThousands(run.provenance.evaluationSamples), run.provenance.evaluationFile) +
                metricsTable(&*run.baseline, &*run.total, "quantized");
    return text;
}

} // namespace

void StoredCommand::addOptions(CLI::App &app) {
    m_inputs.addModel(app);
    m_inputs.addCalibration(app, false);
    m_inputs.addEvaluation(app, false);
    app.add_option("--original", m_original,
                   "The float model that it was made from: errors are measured against it")
        ->type_name("FILE");
    app.add_option("--report", m_report, "Write the report (JSON) here")->type_name("FILE");
    app.add_option("--project", m_project, "Add the run to this project (.qscope), made when there is none")
        ->type_name("FILE");
    app.footer("Reads QDQ and integer operators and MatMulNBits of ONNX, blocks of GGUF, and GPTQ, AWQ,\n"
               "compressed-tensors, FP8 and bitsandbytes checkpoints. With --eval or --calib and --original, "
               "both models run and "
               "outputs are compared.\n"
               "Example: qscope stored m-int8.onnx --original m.onnx --eval e.h5");
}

Result<CommandOutput> StoredCommand::run(const CommandContext &context) {
    QS_TRY(const auto quantized, m_inputs.openModel(context));
    std::shared_ptr<const Run> run;
    std::shared_ptr<const CalibrationSet> calibration, evaluation;
    if (m_original.empty()) {
        if (m_inputs.hasSets())
            return fail(ErrorCode::InvalidArgument,
                        "data are for comparing outputs: give --original FILE too");
        run = storedRun(quantized);
        if (!run)
            return fail(
                ErrorCode::Unsupported,
                "holds no quantized weight of a kind that is known here; `qscope info` lists its layers",
                quantized->file.filename().string());
    } else {
        RunRequest request;
        QS_TRY(request.model, openModelFile(m_original, context));
        QS_TRY(request.calibration, m_inputs.openCalibration(*request.model, context));
        QS_TRY(request.evaluation, m_inputs.openEvaluation(*request.model, context));
        QS_TRY(request.executor, openExecutor(request.model, m_inputs.hasSets(), context));
        request.evaluationSamples = m_inputs.evaluationSamples();
        QS_TRY(run, readStoredRun(request, *quantized, {}, context.findings, context.run));
        calibration = request.calibration;
        evaluation = request.evaluation;
    }
    CommandOutput output{runReport(*run), summaryText(*run, *quantized)};
    if (!m_report.empty()) {
        QS_CHECK_OK(writeFileAtomically(m_report, jsonText(output.document)));
        output.text += fmt::format("Report: {}\n", m_report.string());
    }
    if (!m_project.empty()) {
        QS_CHECK_OK(addRunToProject(m_project, run, calibration, evaluation, context));
        output.text += fmt::format("Project: {}\n", m_project.string());
    }
    return output;
}

} // namespace qs::app
