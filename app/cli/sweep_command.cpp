#include "app/cli/sweep_command.h"

#include "app/cli/exit_code.h"
#include "app/cli/input_options.h"
#include "app/cli/text_table.h"
#include "core/plugin/plugin_loader.h"
#include "core/session/sweep/sweep_table.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <set>

namespace qs::app {
namespace {

/// Too wide or too special for a terminal; the other formats have them.
const std::set<std::string> kNotInTerminal{"weight_bytes", "mse"};

std::string terminalTable(const TextCells &cells) {
    std::vector<std::size_t> shown;
    std::vector<TextTable::Column> columns;
    for (std::size_t i = 0; i < cells.columns.size(); ++i) {
        const TextCells::Column &column = cells.columns[i];
        const bool empty = std::all_of(cells.rows.begin(), cells.rows.end(),
                                       [&](const auto &row) { return row[i].text.empty(); });
        if (empty || kNotInTerminal.contains(column.id))
            continue;
        shown.push_back(i);
        columns.push_back({column.title(), column.isNumber ? TextTable::Side::Right : TextTable::Side::Left});
    }
    TextTable table(std::move(columns));
    for (const auto &row : cells.rows) {
        std::vector<std::string> texts;
        for (const std::size_t i : shown)
            texts.push_back(row[i].text);
        table.addRow(std::move(texts));
    }
    return table.text();
}

/// A file, or a model that comes with the program.
Result<ModelFiles> findModel(const std::string &name) {
    std::error_code error;
    if (std::filesystem::is_regular_file(name, error) || std::filesystem::is_directory(name, error))
        return modelFiles(name);
    std::string known;
    for (const ModelFiles &sample : sampleModels()) {
        if (sample.name == name || sample.model.filename() == name)
            return sample;
        known += (known.empty() ? "" : ", ") + sample.name;
    }
    return fail(ErrorCode::NotFound, fmt::format("is neither a file nor a sample model. Samples: {}.", known),
                name);
}

} // namespace

void SweepCommand::addOptions(CLI::App &app) {
    CLI::Option *out =
        app.add_option("-o,--out", m_out, "The result file; an existing one is continued")->type_name("FILE");
    addPlanOptions(app);
    addDataOptions(app);
    CLI::Option *show =
        app.add_option("--show", m_show, "Only print a result file")->type_name("FILE")->excludes(out);
    for (const char *name : {"--methods", "--models"})
        show->excludes(name);
    app.add_option("--format", m_format, "How results are printed: table, csv, markdown or latex")
        ->check(CLI::IsMember({"table", "csv", "markdown", "latex"}))
        ->capture_default_str()
        ->type_name("NAME");
    app.footer(
        "Jobs of one model share its float outputs and one calibration pass. What is in the file is not run\n"
        "again, unless it failed or a method has another version. Example:\n"
        "  qscope sweep --methods rtn,gptq --bits 8,4,3,2 --models tiny-llama,vit.onnx --out sweep.json\n"
        "  qscope sweep --show sweep.json --format latex");
}

void SweepCommand::addPlanOptions(CLI::App &app) {
    const auto group = "What to try";
    const auto list = [&](const char *name, auto &values, const char *help, const char *type) {
        return app.add_option(name, values, help)->delimiter(',')->group(group)->type_name(type);
    };
    list("--methods", m_methods, "Method ids; several on one weight are joined by +; `all` = every method",
         "ID,…");
    list("--models", m_models, "Model files (ONNX) or names of sample models", "FILE,…");
    list("--bits", m_bits, "Bits of a weight", "N,…")->check(CLI::Range(2, 8))->capture_default_str();
    list("--activation-bits", m_activationBits, "Bits of layer inputs; 0 = float", "N,…")
        ->check(CLI::Range(0, 8))
        ->capture_default_str();
    app.add_option(
           "--activation-scale", m_activationScale,
           "static (from calibration), token, cross (of token and channel), or region (finer below 0)")
        ->check(CLI::IsMember({"static", "token", "cross", "region"}))
        ->capture_default_str()
        ->group(group)
        ->type_name("NAME");
    list("--granularity", m_granularities, "Which weights share a scale: tensor, channel, group", "NAME,…")
        ->check(CLI::IsMember({"tensor", "channel", "group"}))
        ->capture_default_str();
    list("--group-size", m_groupSizes, "Inputs per group, with --granularity group", "N,…")
        ->check(CLI::Range(std::int64_t{2}, std::int64_t{1} << 20))
        ->capture_default_str();
    app.add_option("--convention", m_convention,
                   "asymmetric, or symmetric: s1 (offset), s2 (restricted), s3 (full)")
        ->check(CLI::IsMember({"asymmetric", "s1", "s2", "s3"}))
        ->capture_default_str()
        ->group(group)
        ->type_name("NAME");
    app.add_option("--range", m_range, "How the range of weights is chosen: minmax, percentile, mse or kl")
        ->check(CLI::IsMember({"minmax", "percentile", "mse", "kl"}))
        ->capture_default_str()
        ->group(group)
        ->type_name("RULE");
    app.add_option("--seed", m_plan.seed, "For methods that draw random numbers")
        ->capture_default_str()
        ->group(group)
        ->type_name("N");
}

void SweepCommand::addDataOptions(CLI::App &app) {
    const auto group = "Data";
    app.add_option("--calib", m_calibration,
                   "Calibration tensors for all models; by default NAME-calib.h5 beside the model")
        ->group(group)
        ->type_name("FILE");
    app.add_option("--eval", m_evaluation,
                   "Evaluation tensors for all models; by default NAME-eval.h5 beside the model")
        ->group(group)
        ->type_name("FILE");
    app.add_option("--calib-samples,--calibration-samples", m_plan.calibrationSamples,
                   "Use only the first N samples (0 = all)")
        ->check(CLI::NonNegativeNumber)
        ->group(group)
        ->type_name("N");
    app.add_option("--eval-samples,--evaluation-samples", m_plan.evaluationSamples,
                   "Use only the first N samples (0 = all)")
        ->check(CLI::NonNegativeNumber)
        ->group(group)
        ->type_name("N");
    m_memoryLimit
        .add(app, "MiB that calibration may take, weights excluded: jobs go layer group by layer group then, "
                  "one after the other, with the same results (0 = no limit)")
        ->group(group);
    app.add_option("--jobs", m_plan.jobsAtOnce, "Jobs at once (0 = one a thread, up to 8)")
        ->check(CLI::Range(0, 256))
        ->group(group)
        ->type_name("N");
}

Result<std::vector<ModelFiles>> SweepCommand::models() const {
    std::vector<ModelFiles> models;
    for (const std::string &name : m_models) {
        QS_TRY(ModelFiles files, findModel(name));
        if (!m_calibration.empty() || !m_evaluation.empty()) {
            files.calibration = m_calibration;
            files.evaluation = m_evaluation;
            files.dataFoundByName = false;
        }
        for (const auto &set : {files.calibration, files.evaluation})
            if (!set.empty())
                QS_CHECK_OK(checkExists(set));
        models.push_back(std::move(files));
    }
    return models;
}

Result<SweepPlan> SweepCommand::plan() const {
    SweepPlan plan = m_plan;
    QS_TRY(plan.models, models());
    plan.memoryLimit = m_memoryLimit.bytes();
    plan.methods = m_methods;
    plan.bits = m_bits;
    plan.activationBits = m_activationBits;
    QS_TRY(plan.activationScale, activationScaleFromName(m_activationScale));
    plan.slices.clear();
    for (const std::string &name : m_granularities) {
        QS_TRY(const Granularity granularity, granularityFromName(name));
        if (granularity != Granularity::PerGroup)
            plan.slices.push_back({granularity, 0});
        else
            for (const std::int64_t size : m_groupSizes)
                plan.slices.push_back({granularity, size});
    }
    QS_TRY(plan.convention, gridConventionFromName(m_convention));
    QS_TRY(plan.rangeRule.kind, rangeRuleFromName(m_range));
    return plan;
}

Result<CommandOutput> SweepCommand::output(const SweepResults &results, const std::string &closing) const {
    const TextCells cells = sweepTable(results);
    CommandOutput output{sweepToJson(results), {}};
    if (m_format == "csv")
        output.text = csvTable(cells);
    else if (m_format == "markdown")
        output.text = markdownTable(cells);
    else if (m_format == "latex")
        output.text = latexTable(cells, sweepCaption(results));
    else
        output.text = terminalTable(cells) + sweepCaption(results) + "\n" + closing;
    return output;
}

Result<CommandOutput> SweepCommand::run(const CommandContext &context) {
    if (!m_show.empty()) {
        QS_CHECK_OK(checkExists(m_show));
        QS_TRY(const SweepResults results, readSweep(m_show));
        return output(results, {});
    }
    if (m_out.empty())
        return fail(ErrorCode::InvalidArgument, "name a file for the results: --out FILE (or --show FILE)");
    QS_TRY(SweepPlan plan, this->plan());
    const auto methods = loadMethods(context.findings);
    QS_TRY(plan.methods, expandedMethods(plan.methods, *methods));
    const auto summary = runSweep(plan, m_out, methods, {}, context.findings, context.run);
    if (!summary && summary.error().code == ErrorCode::Cancelled)
        context.findings.add(Severity::Info, "what was finished is in the file", m_out.string(),
                             "The same call runs the rest.");
    if (!summary)
        return fail(summary.error());
    QS_TRY(CommandOutput told,
           output(*summary->results, fmt::format("{} of {} jobs were run now, the others were in {}\n",
                                                 summary->ran, summary->planned, m_out.string())));
    const std::string text = told.text;
    addCost(summary->calibrationCost, plan.memoryLimit, told);
    if (m_format != "table") // for other programs: results only
        told.text = text;
    return told;
}

} // namespace qs::app
