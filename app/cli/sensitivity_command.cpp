#include "app/cli/sensitivity_command.h"

#include "app/cli/text_table.h"
#include "core/base/number_text.h"
#include "core/plugin/plugin_loader.h"
#include "core/quant/layer_pattern.h"
#include "core/session/recipe_network.h"
#include "core/session/sensitivity_run.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace qs::app {
namespace {

using Json = nlohmann::ordered_json;

Result<std::vector<LayerId>> matchingLayers(const Model &model, const std::string &pattern) {
    QS_CHECK_OK(checkLayerPattern(pattern));
    std::vector<LayerId> layers;
    for (const Layer &layer : model.layers)
        if (matchesLayerPattern(layer.name, pattern))
            layers.push_back(layer.id);
    if (layers.empty())
        return fail(
            ErrorCode::InvalidArgument,
            fmt::format("no layer matches '{}'. `qscope info` lists the {} layers; a pattern must match the "
                        "whole name.",
                        pattern, model.layers.size()));
    return layers;
}

Json documentOf(const SensitivityJob::Result &result) {
    const SensitivityTable &table = *result.table;
    Json document = {
        {"model", {{"file", result.provenance.modelFile}, {"sha256", result.provenance.modelSha256}}},
        {"transforms", result.transforms},
        {"samples", table.samples},
        {"float", metricsReport(table.baseline)},
        {"bits", table.bits},
        {"layers", Json::array()}};
    for (std::size_t row = 0; row < table.layers.size(); ++row) {
        Json entry = {{"layer", result.model->layers[static_cast<std::size_t>(table.layers[row])].name}};
        for (std::size_t column = 0; column < table.bits.size(); ++column)
            if (const auto &cell = table.cell(row, column))
                entry[std::to_string(table.bits[column])] = {
                    {"layer_output_sqnr_db", cell->layerOutput.sqnrDb()},
                    {"model", metricsReport(cell->network)}};
        document["layers"].push_back(std::move(entry));
    }
    return document;
}

} // namespace

Result<SensitivityJob::Result> SensitivityJob::execute(const CommandContext &context) const {
    Result result;
    QS_TRY(result.model, inputs.openModel(context));
    const auto methods = loadMethods(context.findings);
    SensitivityOptions options;
    options.bits = bits;
    QS_TRY(options.recipe, recipe.weightsRecipe(*result.model, *methods));
    QS_TRY(options.layers, matchingLayers(*result.model, layers));
    QS_TRY(const auto calibration, inputs.openCalibration(*result.model, context));
    QS_TRY(const auto evaluation, inputs.openEvaluation(*result.model, context));
    const auto set = evaluation ? evaluation : calibration;
    if (!set)
        return fail(ErrorCode::InvalidArgument,
                    "sensitivity compares outputs: give --eval FILE or --calib FILE");
    if (!calibration && !sensitivityHessians(*result.model, options, *methods).empty())
        return fail(ErrorCode::InvalidArgument, kLearnsFromData);
    QS_TRY(const auto executor, openExecutor(result.model, true, context));
    options.samples = evaluation ? inputs.evaluationSamples() : inputs.calibrationSamples();
    const SensitivityRequest request{result.model,
                                     executor,
                                     calibration,
                                     set,
                                     nullptr,
                                     methods,
                                     options,
                                     inputs.calibrationSamples(),
                                     inputs.memoryLimit()};
    QS_TRY(result.table, runSensitivity(request, {}, context.findings, context.run));
    result.transforms = transformNames(options.recipe);
    result.provenance.program = "quantoscope " QS_VERSION;
    result.provenance.modelFile = result.model->file.filename().string();
    result.provenance.modelSha256 = result.model->sha256;
    result.provenance.evaluationFile = set->file().filename().string();
    result.provenance.evaluationSha256 = set->sha256();
    result.provenance.evaluationSamples = result.table->samples;
    result.provenance.methodVersions = result.table->methodVersions;
    return result;
}

void addMetricOption(CLI::App &app, std::string &metric) {
    std::vector<std::string> ids;
    std::string help = "Number in the cells:";
    for (const MetricInfo &info : allMetrics()) {
        ids.push_back(info.id);
        help += fmt::format(" {} ({});", info.id, info.name);
    }
    help.back() = '.';
    app.add_option("--metric", metric, help)
        ->check(CLI::IsMember(ids))
        ->capture_default_str()
        ->type_name("ID");
}

void SensitivityCommand::addOptions(CLI::App &app) {
    m_inputs.addModel(app);
    m_inputs.addCalibration(app, false);
    m_inputs.addEvaluation(app, false);
    m_recipe.addWeightsOnly(app);
    app.add_option("--bits", m_bits, "Bit-widths, separated by commas")
        ->delimiter(',')
        ->check(CLI::Range(2, 8))
        ->capture_default_str()
        ->type_name("N,N,…");
    app.add_option("--layers", m_layers, "Only layers whose whole name matches this regular expression")
        ->capture_default_str()
        ->type_name("REGEX");
    addMetricOption(app, m_metric);
}

Result<CommandOutput> SensitivityCommand::run(const CommandContext &context) {
    QS_TRY(const SensitivityJob::Result result,
           (SensitivityJob{m_inputs, m_recipe, m_bits, m_layers}.execute(context)));
    const MetricInfo &info = *findMetric(m_metric);
    std::vector<TextTable::Column> columns{{"layer", TextTable::Side::Left}};
    for (const int bits : result.table->bits)
        columns.push_back({fmt::format("{} bit", bits)});
    TextTable table(std::move(columns));
    for (std::size_t row = 0; row < result.table->layers.size(); ++row) {
        std::vector<std::string> cells{
            result.model->layers[static_cast<std::size_t>(result.table->layers[row])].name};
        for (std::size_t column = 0; column < result.table->bits.size(); ++column) {
            const auto &cell = result.table->cell(row, column);
            cells.push_back(cell ? valueText(metricValue(cell->network, info.metric), info.unit) : "–");
        }
        table.addRow(std::move(cells));
    }
    std::vector<std::string> methods;
    for (const auto &[method, version] : result.table->methodVersions)
        methods.push_back(method);
    const std::string heading =
        fmt::format("{} with one layer quantized by {}{}, on {} samples; {} is better\n", info.name,
                    fmt::join(methods, ", "), result.transforms.empty() ? "" : " in the transformed model",
                    withThousands(result.table->samples), info.higherIsBetter ? "higher" : "lower");
    CommandOutput output{documentOf(result), heading + table.text()};
    if (const std::string why = whyNoMetric(result.table->baseline, info.metric); !why.empty())
        output.text += why + ". Choose one with --metric.\n";
    addCost(result.table->calibrationCost, m_inputs.memoryLimit(), output);
    return output;
}

} // namespace qs::app
