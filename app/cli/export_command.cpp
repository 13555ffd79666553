#include "app/cli/export_command.h"

#include "app/cli/text_table.h"
#include "core/base/number_text.h"
#include "core/export/exporter.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace qs::app {

void ExportCommand::addOptions(CLI::App &app) {
    m_inputs.addModel(app);
    m_inputs.addCalibration(app, false);
    m_recipe.add(app);
    app.add_option("-o,--output", m_output, "The file to write")->required()->type_name("FILE");
    std::vector<std::string> ids;
    std::string footer = "Formats:\n";
    for (const auto &exporter : builtinExporters()) {
        ids.push_back(exporter->id());
        footer += fmt::format("  {}  {}\n", exporter->id(), exporter->name());
        for (const Parameter &parameter : exporter->schema().parameters())
            footer += fmt::format("      {}={}  {}\n", parameter.name, parameter.defaultValue.dump(),
                                  parameter.description);
    }
    app.add_option("--format", m_exporter, "File format; without it the suffix of the file decides")
        ->check(CLI::IsMember(ids))
        ->type_name("ID");
    app.add_option("--option", m_options, "An option of the format, as key=value; may be repeated")
        ->type_name("KEY=VALUE");
    app.footer(footer +
               "The file is read back and compared before it takes its name; an old one stays until then.");
}

Result<CommandOutput> ExportCommand::run(const CommandContext &context) {
    const Exporter &exporter = m_exporter.empty() ? exporterFor(m_output) : *findExporter(m_exporter);
    QS_TRY(const nlohmann::json given, keyValueObject(m_options));
    QS_TRY(const nlohmann::json options, exporter.schema().complete(given));
    RunJob job{m_inputs, m_recipe};
    job.measure = false;
    QS_TRY(const std::shared_ptr<const Run> run, job.execute(context));
    QS_TRY(const ExportReport report, exporter.write(*run, m_output, options, context.findings, context.run));
    CommandOutput output;
    output.document = {{"file", report.file.string()},
                       {"format", exporter.id()},
                       {"bytes", report.bytes},
                       {"opset", report.opset},
                       {"quantized_layers", report.quantizedLayers},
                       {"float_layers", report.floatLayers},
                       {"worst_weight_difference", report.worstWeightDifference}};
    output.text = alignedPairs({{"file", report.file.string()},
                                {"format", exporter.name()},
                                {"size", bytesText(report.bytes)},
                                {"opset", report.opset > 0 ? std::to_string(report.opset) : "none"},
                                {"quantized layers", std::to_string(report.quantizedLayers.size())},
                                {"float layers", std::to_string(report.floatLayers.size())},
                                {"read back", report.worstWeightDifference == 0
                                                  ? "every weight is exactly as simulated"
                                                  : fmt::format("largest weight difference {}",
                                                                significant(report.worstWeightDifference))}});
    return output;
}

} // namespace qs::app
