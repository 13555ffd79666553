#include "app/cli/project_command.h"

#include "app/cli/input_options.h"
#include "app/cli/text_table.h"
#include "core/base/atomic_file.h"
#include "core/base/json_text.h"
#include "core/base/number_text.h"
#include "core/export/exporter.h"
#include "core/session/run_comparison.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace qs::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char *kSourceNames[] = {"model", "calibration", "evaluation"};

const char *stateName(SourceState::Kind kind) {
    switch (kind) {
    case SourceState::Kind::Found:
        return "found";
    case SourceState::Kind::Changed:
        return "changed";
    case SourceState::Kind::Missing:
        return "missing";
    }
    return "";
}

/// "#3 w4-gptq" below the run that it was edited from.
std::string treeName(const RunHistory &runs, const RunEntry &entry) {
    std::string indent;
    for (const RunEntry *parent = runs.find(entry.parent); parent; parent = runs.find(parent->parent))
        indent += "  ";
    return indent + entry.title();
}

void describeRuns(const Project &project, CommandOutput &output) {
    std::vector<std::shared_ptr<const Run>> runs;
    for (const RunEntry &entry : project.runs.entries())
        runs.push_back(entry.run);
    const std::vector<ComparisonColumn> columns = compareRuns(runs);
    std::vector<TextTable::Column> titles{{"run", TextTable::Side::Left}};
    for (const ComparisonColumn &column : columns)
        titles.push_back({column.name});
    TextTable table(std::move(titles));
    for (std::size_t i = 0; i < runs.size(); ++i) {
        const RunEntry &entry = project.runs.entries()[i];
        std::vector<std::string> cells{treeName(project.runs, entry)};
        Json json{{"number", entry.number}, {"parent", entry.parent}, {"name", entry.run->name}};
        for (const ComparisonColumn &column : columns) {
            const auto value = column.values[i];
            cells.push_back(value && column.id == "weight_bytes"
                                ? bytesText(static_cast<std::int64_t>(*value))
                                : valueText(value, column.id == "effective_bits" ? "" : column.unit));
            json[column.id] = value ? Json(*value) : Json();
        }
        table.addRow(std::move(cells));
        output.document["runs"].push_back(std::move(json));
    }
    output.text += "\n" + table.text();
}

/// A project whose model is not there still tells which runs it holds.
void listRuns(const ProjectFile &file, CommandOutput &output) {
    for (const ProjectFile::RunHead &run : file.runHeads()) {
        output.text += fmt::format("  #{} {}\n", run.number, run.name);
        output.document["runs"].push_back(
            {{"number", run.number}, {"parent", run.parent}, {"name", run.name}});
    }
}

std::optional<SourceReference> referenceTo(const std::shared_ptr<const CalibrationSet> &set) {
    if (!set)
        return {};
    return SourceReference{std::filesystem::absolute(set->file()), set->sha256()};
}

} // namespace

void ProjectCommand::addOptions(CLI::App &app) {
    app.add_option(
           "project", m_file,
           "Project file of the window or of quantize --project, or the folder of an autosaved session")
        ->required()
        ->type_name("FILE");
    app.add_option("--model", m_model, "Where the model is now")->type_name("FILE");
    app.add_option("--calib", m_calibration, "Where the calibration set is now")->type_name("FILE");
    app.add_option("--eval", m_evaluation, "Where the evaluation set is now")->type_name("FILE");
    auto *run =
        app.add_option("--run", m_run, "Number of the run that the options below take out")->type_name("N");
    app.add_option("--report", m_report, "Write the run's report (JSON) here")->type_name("FILE")->needs(run);
    app.add_option("--save-recipe", m_recipe, "Write the run's recipe (JSON) here")
        ->type_name("FILE")
        ->needs(run);
    app.add_option("--export", m_export, "Write the run's model here (ONNX with Q/DQ pairs, or .gguf)")
        ->type_name("FILE")
        ->needs(run);
    app.footer("Example: qscope project work.qscope --run 2 --export m-w4.onnx");
}

Result<ProjectSources> ProjectCommand::chooseSources(const ProjectFile &file, CommandOutput &output,
                                                     const CommandContext &context) const {
    QS_TRY(const auto states, file.locateSources(context.run));
    ProjectSources sources = ProjectSources::from(states);
    std::filesystem::path *chosen[] = {&sources.model, &sources.calibration, &sources.evaluation};
    const std::filesystem::path *given[] = {&m_model, &m_calibration, &m_evaluation};
    const std::optional<SourceReference> *references[] = {&file.head().model, &file.head().calibration,
                                                          &file.head().evaluation};
    for (std::size_t i = 0; i < states.size(); ++i) {
        if (!given[i]->empty()) {
            QS_CHECK_OK(checkExists(*given[i], i == 0 ? Folders::Allowed : Folders::Refused));
            *chosen[i] = *given[i];
        }
        if (!*references[i])
            continue;
        const char *state = given[i]->empty() ? stateName(states[i]->kind) : "given";
        output.text += fmt::format("{:12} {} ({}, SHA-256 {}…)\n", std::string(kSourceNames[i]) + ":",
                                   (chosen[i]->empty() ? (*references[i])->file : *chosen[i]).string(), state,
                                   (*references[i])->sha256.substr(0, 12));
        output.document["sources"][kSourceNames[i]] = {{"file", (*references[i])->file.string()},
                                                       {"sha256", (*references[i])->sha256},
                                                       {"state", state}};
    }
    return sources;
}

Status ProjectCommand::takeOut(const RunEntry &entry, CommandOutput &output,
                               const CommandContext &context) const {
    if (!m_report.empty()) {
        QS_CHECK_OK(writeFileAtomically(m_report, jsonText(runReport(*entry.run))));
        output.text += fmt::format("Report: {}\n", m_report.string());
    }
    if (!m_recipe.empty()) {
        QS_CHECK_OK(writeFileAtomically(m_recipe, jsonText(entry.run->recipe.toJson())));
        output.text += fmt::format("Recipe: {}\n", m_recipe.string());
    }
    if (!m_export.empty()) {
        const Exporter &exporter = exporterFor(m_export);
        QS_TRY(const ExportReport report, exporter.write(*entry.run, m_export, exporter.schema().defaults(),
                                                         context.findings, context.run));
        output.text += fmt::format("Model:  {} ({})\n", report.file.string(), bytesText(report.bytes));
    }
    return {};
}

Result<CommandOutput> ProjectCommand::run(const CommandContext &context) {
    QS_TRY(const auto file, ProjectFile::open(m_file, context.run));
    CommandOutput output;
    output.document = {{"project", m_file.string()}, {"program", file->head().program}};
    output.text = fmt::format("project:     {} (by {})\n", m_file.string(), file->head().program);
    QS_TRY(const ProjectSources sources, chooseSources(*file, output, context));
    QS_TRY(const OpenedProject opened, openProject(*file, sources, context.findings, context.run));
    output.document["recipe"] = file->head().recipe.toJson();
    output.text += fmt::format("recipe:      {}\n", file->head().recipe.name);
    output.document["runs"] = Json::array();
    const RunHistory &runs = opened.project.runs;
    if (!runs.entries().empty())
        describeRuns(opened.project, output);
    else
        listRuns(*file, output);
    if (m_run == 0)
        return output;
    const RunEntry *entry = runs.find(m_run);
    if (!entry)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("there is no run #{}, or its model is not there; runs: {}", m_run,
                                runs.entries().empty() ? "none" : "see qscope project"),
                    "--run");
    QS_CHECK_OK(takeOut(*entry, output, context));
    return output;
}

Status addRunToProject(const std::filesystem::path &file, const std::shared_ptr<const Run> &run,
                       const std::shared_ptr<const CalibrationSet> &calibration,
                       const std::shared_ptr<const CalibrationSet> &evaluation,
                       const CommandContext &context) {
    OpenedProject opened;
    std::error_code ignored;
    if (std::filesystem::exists(file, ignored)) {
        QS_TRY(const auto project, ProjectFile::open(file, context.run));
        if (!project->head().model || project->head().model->sha256 != run->model->sha256)
            return fail(ErrorCode::InvalidArgument,
                        "is about another model. Name another project file for this one", file.string());
        QS_TRY(opened.project, project->read(run->model, opened.complete, context.findings, context.run));
        if (!opened.complete)
            return fail(ErrorCode::CorruptFile,
                        "is damaged in part; what is left would be lost by writing it", file.string());
    }
    Project &project = opened.project;
    project.model = run->model;
    project.head.model = SourceReference{std::filesystem::absolute(run->model->file), run->model->sha256};
    if (calibration)
        project.head.calibration = referenceTo(calibration);
    if (evaluation)
        project.head.evaluation = referenceTo(evaluation);
    const RunEntry *parent = project.runs.findRecipe(project.head.recipe);
    project.head.shownRun = project.runs.add(run, parent ? parent->number : 0);
    if (run->provenance.codesSha256.empty()) // a recipe that cannot be run is none to go on with
        project.head.recipe = run->recipe;
    if (run->capture && !run->prepared)
        project.capture = run->capture;
    return writeProject(project, file, context.findings, context.run);
}

} // namespace qs::app
