#include "app/cli/quantize_command.h"

#include "app/cli/project_command.h"
#include "app/cli/text_table.h"
#include "core/base/atomic_file.h"
#include "core/base/json_text.h"
#include "core/base/number_text.h"
#include "core/export/exporter.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace qs::app {
void QuantizeCommand::addOptions(CLI::App &app) {
    m_inputs.addModel(app);
    m_inputs.addCalibration(app, false);
    m_inputs.addEvaluation(app, false);
    m_recipe.add(app);
    app.add_option("--report", m_report, "Write the report (JSON) here")->type_name("FILE");
    app.add_option("--export", m_export, "Write the quantized model here (ONNX with Q/DQ pairs, or .gguf)")
        ->type_name("FILE");
    app.add_option("--save-recipe", m_saveRecipe, "Write the recipe (JSON) here; --recipe replays it")
        ->type_name("FILE");
    app.add_option("--project", m_project, "Add the run to this project (.qscope), made when there is none")
        ->type_name("FILE");
    app.add_option("--in-network-samples", m_inNetworkSamples,
                   "Samples for each layer's own effect (0 = all)")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str()
        ->type_name("N");
    app.add_flag("--quick", m_quick, "Do not measure each layer's own effect on the model's output");
    app.footer(
        "Without --eval, outputs are compared on the calibration set.\n"
        "Example: qscope quantize m.onnx --calib c.h5 --method gptq --bits 4 --granularity group "
        "--export q.onnx\n"
        "`qscope plugins list` tells transforms, methods and branches with their parameters. A chain:\n"
        "qscope quantize m.onnx --calib c.h5 --transform ID:alpha=0.5 --method gptq --bits 4 --branch ID \\\n"
        "    --bias-correction --activations int8 --activation-scale token");
}

Result<CommandOutput> QuantizeCommand::run(const CommandContext &context) {
    RunJob job{m_inputs, m_recipe};
    job.measureInNetwork = !m_quick;
    job.inNetworkSamples = m_inNetworkSamples;
    QS_TRY(const std::shared_ptr<const Run> run, job.execute(context));

    CommandOutput output;
    output.document = runReport(*run);
    output.text = layerTable(*run) + fmt::format("\n{:.3f} effective bits per weight, {} of weights\n",
                                                 run->effectiveBits(), bytesText(run->weightBytes()));
    if (run->baseline && run->total)
        output.text +=
            fmt::format("Whole model on {} samples of {}\n", withThousands(run->provenance.evaluationSamples),
                        run->provenance.evaluationFile) +
            metricsTable(&*run->baseline, &*run->total, "quantized");
    if (!m_saveRecipe.empty()) {
        QS_CHECK_OK(writeFileAtomically(m_saveRecipe, jsonText(run->recipe.toJson())));
        output.text += fmt::format("Recipe: {}\n", m_saveRecipe.string());
    }
    if (!m_report.empty()) {
        QS_CHECK_OK(writeFileAtomically(m_report, jsonText(output.document)));
        output.text += fmt::format("Report: {}\n", m_report.string());
    }
    // No part of the report: that is the same with any limit.
    addCost(run->calibrationCost, m_inputs.memoryLimit(), output);
    if (!m_project.empty()) {
        QS_TRY(const auto calibration, m_inputs.openCalibration(*run->model, context));
        QS_TRY(const auto evaluation, m_inputs.openEvaluation(*run->model, context));
        QS_CHECK_OK(addRunToProject(m_project, run, calibration, evaluation, context));
        output.text += fmt::format("Project: {}\n", m_project.string());
    }
    if (!m_export.empty()) {
        const Exporter &exporter = exporterFor(m_export);
        QS_TRY(const ExportReport report,
               exporter.write(*run, m_export, exporter.schema().defaults(), context.findings, context.run));
        output.text += fmt::format("Model:  {} ({})\n", report.file.string(), bytesText(report.bytes));
    }
    return output;
}

} // namespace qs::app
