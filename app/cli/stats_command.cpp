#include "app/cli/stats_command.h"

#include "app/cli/text_table.h"
#include "core/base/number_text.h"
#include "core/exec/capture.h"
#include "core/figure/outlier_figure.h"
#include "core/tensor/outlier_score.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace qs::app {
namespace {

using Json = nlohmann::ordered_json;

Json documentOf(const TensorStats &stats, double outliers) {
    return {{"count", stats.count},
            {"nan", stats.nanCount},
            {"inf", stats.infCount},
            {"zeros", stats.zeroCount},
            {"min", stats.min},
            {"max", stats.max},
            {"mean", stats.mean},
            {"standard_deviation", stats.standardDeviation()},
            {"rms", stats.rms()},
            {"skewness", stats.skewness()},
            {"kurtosis", stats.kurtosis()},
            {"outlier_score", outliers}};
}

TextTable statsTable() {
    return TextTable({{"layer", TextTable::Side::Left},
                      {"min"},
                      {"max"},
                      {"mean"},
                      {"std"},
                      {"skew"},
                      {"kurtosis"},
                      {"zeros %"},
                      {"NaN"},
                      {"Inf"},
                      {"outlier score"}});
}

void addRow(TextTable &table, const std::string &layer, const TensorStats &stats, double outliers) {
    const double share =
        stats.count > 0 ? 100.0 * static_cast<double>(stats.zeroCount) / static_cast<double>(stats.count) : 0;
    table.addRow({layer, significant(stats.min), significant(stats.max), significant(stats.mean, 3),
                  significant(stats.standardDeviation()), significant(stats.skewness(), 3),
                  significant(stats.kurtosis(), 3), significant(share, 3), withThousands(stats.nanCount),
                  withThousands(stats.infCount), outliers > 0 ? "×" + significant(outliers, 3) : "–"});
}

} // namespace

void StatsCommand::addOptions(CLI::App &app) {
    m_inputs.addModel(app);
    m_inputs.addCalibration(app, false);
    m_inputs.addCaptured(app);
    app.add_option("--layer", m_layers, "Only this layer, and nothing else is read; may be repeated")
        ->type_name("NAME")
        ->take_all();
    app.footer(
        "Outlier score: largest over median channel magnitude (output channels of a weight, input "
        "channels of an\n"
        "activation). Kurtosis of a normal distribution is 3. Counts, extremes and scores are exact; sums\n"
        "are float64.");
}

bool StatsCommand::isWanted(const std::string &layer) const {
    return m_layers.empty() || std::ranges::find(m_layers, layer) != m_layers.end();
}

Result<std::vector<WeightSurvey>> StatsCommand::surveys(const Model &model, const RunContext &ctx) const {
    if (m_layers.empty())
        return surveyWeights(model, ctx);
    std::vector<WeightSurvey> found;
    for (const std::string &name : m_layers) {
        QS_TRY(const Layer *layer, findLayer(model, name));
        QS_TRY(WeightSurvey survey, surveyWeight(model, *layer, ctx));
        found.push_back(std::move(survey));
    }
    return found;
}

Result<CommandOutput> StatsCommand::run(const CommandContext &context) {
    QS_TRY(const auto model, m_inputs.openModel(context));
    QS_TRY(const auto weightSurveys, surveys(*model, context.run));
    CommandOutput output;
    output.document = {{"model", {{"file", model->file.string()}, {"sha256", model->sha256}}}};
    TextTable weights = statsTable();
    output.document["weights"] = Json::array();
    for (const WeightSurvey &survey : weightSurveys) {
        const std::string &layer = model->layers[static_cast<std::size_t>(survey.layer)].name;
        const double outliers = outlierScore(survey.channelMagnitudes);
        Json entry = documentOf(survey.stats, outliers);
        entry["zero_channels"] = survey.zeroChannels;
        entry["layer"] = layer;
        output.document["weights"].push_back(std::move(entry));
        addRow(weights, layer, survey.stats, outliers);
    }
    output.text = "Weights\n" + weights.text();
    QS_TRY(const auto capture, m_inputs.capture(model, context));
    if (!capture)
        return output;
    output.document["calibration"] = {{"file", m_inputs.activationsFile().string()},
                                      {"sha256", capture->calibrationSha256},
                                      {"samples", capture->samples}};
    if (!capture->origin.empty())
        output.document["calibration"]["origin"] = capture->origin;
    TextTable activations = statsTable();
    output.document["activations"] = Json::array();
    for (const auto &layer : capture->layers) {
        if (!layer || !isWanted(model->layers[static_cast<std::size_t>(layer->layer)].name))
            continue;
        const std::string &name = model->layers[static_cast<std::size_t>(layer->layer)].name;
        const double outliers = outlierScore(channelMagnitudes(*layer));
        Json entry = documentOf(layer->stats, outliers);
        entry["tokens"] = layer->tokens;
        entry["channels"] = layer->channels;
        entry["layer"] = name;
        if (!layer->origin.empty())
            entry["origin"] = layer->origin;
        output.document["activations"].push_back(std::move(entry));
        addRow(activations, name, layer->stats, outliers);
    }
    output.text +=
        fmt::format("\nInput activations over {} calibration samples{}\n", withThousands(capture->samples),
                    capture->origin.empty() ? "" : ", " + capture->origin) +
        activations.text();
    m_inputs.addCost(*capture, output);
    return output;
}

} // namespace qs::app
