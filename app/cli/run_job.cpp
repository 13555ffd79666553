#include "app/cli/run_job.h"

#include "app/cli/exit_code.h"
#include "app/cli/text_table.h"
#include "core/analysis/quantize_layer.h"
#include "core/base/number_text.h"
#include "core/plugin/plugin_loader.h"

#include <fmt/format.h>
#include <regex>

namespace qs::app {
namespace {

/// The recipe's choice for one layer, nothing for all others.
Recipe restrictedTo(const Recipe &recipe, const std::string &layer) {
    static const std::regex special(R"([.^$|()\[\]{}*+?\\])");
    Recipe restricted = recipe;
    restricted.rules = {{std::regex_replace(layer, special, R"(\$&)"), recipe.choiceFor(layer)}};
    return restricted;
}

} // namespace

Result<RunRequest> openRunRequest(const InputOptions &inputs, const CommandContext &context) {
    RunRequest request;
    QS_TRY(request.model, inputs.openModel(context));
    request.methods = loadMethods(context.findings);
    QS_TRY(request.calibration, inputs.openCalibration(*request.model, context));
    QS_TRY(request.evaluation, inputs.openEvaluation(*request.model, context));
    QS_TRY(request.executor, openExecutor(request.model, inputs.hasSets(), context));
    request.calibrationSamples = inputs.calibrationSamples();
    request.evaluationSamples = inputs.evaluationSamples();
    return request;
}

Result<std::shared_ptr<const Run>> runRecipe(RunRequest request, Recipe recipe,
                                             const CommandContext &context) {
    if (!request.calibration && needsCalibration(recipe, *request.methods))
        return fail(ErrorCode::InvalidArgument, kLearnsFromData);
    request.name = recipe.name;
    request.recipe = std::move(recipe);
    auto run = executeRun(request, {}, context.findings, context.run);
    // The command line was checked before: what does not fit now is in the files.
    if (!run)
        return fail(inInputFile(std::move(run).error()));
    return run;
}

Result<std::shared_ptr<const Run>> RunJob::execute(const CommandContext &context) const {
    QS_TRY(RunRequest request, openRunRequest(inputs, context));
    QS_TRY(Recipe applied, recipe.recipe(*request.model, *request.methods));
    if (!onlyLayer.empty())
        applied = restrictedTo(applied, onlyLayer);
    // A run always compares outputs when it can; one sample is the least.
    if (!measure)
        request.evaluationSamples = 1;
    request.measureInNetwork = measure && measureInNetwork;
    request.inNetworkSamples = inNetworkSamples;
    return runRecipe(std::move(request), std::move(applied), context);
}

std::string metricsTable(const OutputMetrics *reference, const OutputMetrics *other,
                         const std::string &otherTitle) {
    std::vector<TextTable::Column> columns{{"metric", TextTable::Side::Left}};
    if (reference)
        columns.push_back({"float"});
    if (other)
        columns.push_back({otherTitle});
    TextTable table(std::move(columns));
    for (const MetricInfo &info : allMetrics()) {
        const auto own = reference ? metricValue(*reference, info.metric) : std::nullopt;
        const auto its = other ? metricValue(*other, info.metric) : std::nullopt;
        if (!own && !its)
            continue;
        // Against itself the float model is exact: only its task metrics say anything.
        const bool task = info.metric == Metric::Top1 || info.metric == Metric::Perplexity;
        if (!task && !other)
            continue;
        std::vector<std::string> cells{info.name};
        if (reference)
            cells.push_back(task ? valueText(own, info.unit) : "");
        if (other)
            cells.push_back(valueText(its, info.unit));
        table.addRow(std::move(cells));
    }
    return table.empty() ? "" : table.text();
}

} // namespace qs::app
