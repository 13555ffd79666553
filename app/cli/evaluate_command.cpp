#include "app/cli/evaluate_command.h"

#include "app/cli/exit_code.h"
#include "core/base/number_text.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace qs::app {
namespace {

using Json = nlohmann::ordered_json;

std::string heading(std::int64_t samples, const std::string &set) {
    return fmt::format("{} samples of {}\n", withThousands(samples), set);
}

Json fileDocument(const std::string &file, const std::string &sha256) {
    return {{"file", file}, {"sha256", sha256}};
}

} // namespace

void EvaluateCommand::addOptions(CLI::App &app) {
    m_inputs.addModel(app);
    m_inputs.addEvaluation(app, true);
    CLI::Option *against =
        app.add_option("--against", m_against,
                       "Another model with the same inputs and outputs, for example an exported one")
            ->type_name("FILE");
    m_inputs.addCalibration(app, false);
    m_recipe.addFileOnly(app);
    against->excludes("--recipe");
    app.footer("Compared with MODEL in float: SQNR, MSE, KL, agreement. On the task itself: top-1 when the "
               "set has labels,\n"
               "perplexity when it predicts each token of its input from those before.");
}

Result<CommandOutput> EvaluateCommand::run(const CommandContext &context) {
    return m_recipe.isFileGiven() ? evaluateRecipe(context) : evaluateModel(context);
}

Result<CommandOutput> EvaluateCommand::evaluateRecipe(const CommandContext &context) const {
    RunJob job{m_inputs, m_recipe};
    job.measureInNetwork = false;
    QS_TRY(const std::shared_ptr<const Run> run, job.execute(context));
    if (!run->baseline || !run->total)
        return fail(ErrorCode::Unsupported, "the model cannot run here, so there is nothing to measure");
    const Provenance &provenance = run->provenance;
    return CommandOutput{
        {{"model", fileDocument(provenance.modelFile, provenance.modelSha256)},
         {"evaluation", fileDocument(provenance.evaluationFile, provenance.evaluationSha256)},
         {"samples", provenance.evaluationSamples},
         {"recipe", run->recipe.toJson()},
         {"float", metricsReport(*run->baseline)},
         {"quantized", metricsReport(*run->total)}},
        heading(provenance.evaluationSamples, provenance.evaluationFile) +
            metricsTable(&*run->baseline, &*run->total, "quantized")};
}

Result<CommandOutput> EvaluateCommand::evaluateModel(const CommandContext &context) const {
    QS_TRY(const auto model, m_inputs.openModel(context));
    QS_TRY(const auto set, m_inputs.openEvaluation(*model, context));
    QS_TRY(const auto executor, openExecutor(model, true, context));
    QS_TRY(const auto evaluator,
           Evaluator::create(executor, set, m_inputs.evaluationSamples(), context.findings, context.run));
    CommandOutput output;
    output.document = {{"model", fileDocument(model->file.string(), model->sha256)},
                       {"evaluation", fileDocument(set->file().string(), set->sha256())},
                       {"samples", evaluator->samples()},
                       {"float", metricsReport(evaluator->baseline())}};
    output.text = heading(evaluator->samples(), set->file().string());
    if (m_against.empty()) {
        const std::string table = metricsTable(&evaluator->baseline(), nullptr, {});
        output.text += table.empty()
                           ? "There are no labels and no next tokens: nothing to measure the model on.\n"
                             "--against compares it with another model.\n"
                           : table;
        return output;
    }
    QS_TRY(const auto other, openModelFile(m_against, context));
    QS_TRY(const auto otherExecutor, openExecutor(other, true, context));
    const auto metrics = evaluator->evaluateModel(*otherExecutor, context.run);
    if (!metrics)
        return fail(inInputFile(metrics.error()));
    output.document["against"] = fileDocument(other->file.string(), other->sha256);
    output.document["other"] = metricsReport(*metrics);
    output.text += metricsTable(&evaluator->baseline(), &*metrics, other->file.filename().string());
    return output;
}

} // namespace qs::app
