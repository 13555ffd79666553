#include "app/cli/run_job.h"

#include "app/cli/exit_code.h"
#include "app/cli/text_table.h"
#include "core/analysis/quantize_layer.h"
#include "core/base/number_text.h"
#include "core/plugin/plugin_loader.h"

#include <cmath>
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

std::string stateText(const LayerResult &result) {
    if (result.state == LayerResult::State::Failed)
        return "failed";
    std::string text = "float";
    if (const auto &weight = result.quantized.weight)
        text = fmt::format("{} w{}{}{}", result.choice.weight->method, weight->bits,
                           weight->branch ? fmt::format(" +rank {}", weight->branch->rank()) : "",
                           result.quantized.outputOffset.empty() ? "" : " +bias");
    if (result.quantized.quantizesActivation())
        text += fmt::format(" a{}", result.quantized.activationScheme->bits);
    if (result.quantized.activationScale != ActivationScale::Static)
        text += fmt::format(" {}", activationScaleName(result.quantized.activationScale));
    return text;
}

std::string decibelText(std::optional<double> decibel) {
    if (decibel && *decibel >= ErrorMetrics::kMaxSqnrDb)
        return "exact";
    if (decibel && std::isnan(*decibel))
        return "NaN dB";
    return decibel ? fmt::format("{:.1f} dB", *decibel) : "–";
}

} // namespace

std::string layerTable(const Run &run) {
    TextTable table({{"layer", TextTable::Side::Left},
                     {"as", TextTable::Side::Left},
                     {"bits/weight"},
                     {"weight SQNR"},
                     {"output SQNR"},
                     {"model output SQNR"}});
    for (const auto &result : run.layers) {
        const Layer &layer = run.model->layers[static_cast<std::size_t>(result->layer)];
        const auto network =
            result->network ? metricValue(*result->network, Metric::OutputSqnr) : std::nullopt;
        table.addRow({layer.name, stateText(*result), fmt::format("{:.2f}", result->bits.effective()),
                      decibelText(result->weightSqnrDb()), decibelText(result->outputSqnrDb()),
                      decibelText(network)});
    }
    return table.text();
}

Result<RunRequest> openRunRequest(const InputOptions &inputs, const CommandContext &context) {
    RunRequest request;
    QS_TRY(request.model, inputs.openModel(context));
    request.methods = loadMethods(context.findings);
    QS_TRY(request.calibration, inputs.openCalibration(*request.model, context));
    QS_TRY(request.evaluation, inputs.openEvaluation(*request.model, context));
    QS_TRY(request.executor, openExecutor(request.model, inputs.hasSets(), context));
    request.calibrationSamples = inputs.calibrationSamples();
    request.evaluationSamples = inputs.evaluationSamples();
    request.memoryLimit = inputs.memoryLimit();
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
