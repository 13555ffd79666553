#include "app/cli/attention_command.h"

#include "app/cli/text_table.h"
#include "core/base/number_text.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace qs::app {
namespace {

using Json = nlohmann::ordered_json;

Json optionalNumber(std::optional<double> value) {
    return value ? Json(*value) : Json();
}

Json headReport(const AttentionHeadMetrics &metrics) {
    return {{"entropy_nats", metrics.entropy},
            {"entropy_normalized", optionalNumber(metrics.normalizedEntropy)},
            {"sink_share", optionalNumber(metrics.sinkShare)},
            {"strongest_key", metrics.strongestKey},
            {"strongest_key_share", metrics.strongestShare},
            {"mean_distance", optionalNumber(metrics.meanDistance)},
            {"rows", metrics.rows},
            {"rows_not_finite", metrics.nonFiniteRows},
            {"rows_without_key", metrics.emptyRows},
            {"distance_profile", metrics.distance},
            {"accumulated_saliency", metrics.accumulated},
            {"normalized_saliency", metrics.saliency}};
}

Json agreementReport(const AttentionHead &head) {
    return {{"relative_l1", head.agreement->relativeL1},
            {"cosine", head.agreement->cosine},
            {"max_abs_error", head.agreement->maxAbsError},
            {"mean_kl_nats", head.agreement->meanKl},
            {"top5_keys_kept", head.agreement->topKeysKept},
            {"output", {{"sqnr_db", head.outputError->sqnrDb()}, {"cosine", head.outputError->cosine()}}}};
}

Json distributionReport(const HeadDistribution &distribution) {
    const TensorStats &stats = distribution.stats;
    return {{"min", stats.min},
            {"max", stats.max},
            {"mean", stats.mean},
            {"standard_deviation", stats.standardDeviation()},
            {"kurtosis", stats.kurtosis()},
            {"nan", stats.nanCount},
            {"inf", stats.infCount}};
}

Json kvReport(const KvHead &head) {
    Json report = {{"keys", distributionReport(head.keys)}, {"values", distributionReport(head.values)}};
    if (head.quantizedKeys)
        report["quantized_keys"] = distributionReport(*head.quantizedKeys);
    if (head.quantizedValues)
        report["quantized_values"] = distributionReport(*head.quantizedValues);
    return report;
}

Json layerReport(const AttentionSurvey &survey, std::size_t index) {
    const AttentionLayer &layer = *survey.layers[index];
    const AttentionBlock &block = survey.attention->blocks[layer.block];
    Json layers = Json::array();
    for (const LayerId id : block.layers)
        layers.push_back(survey.model->layers[static_cast<std::size_t>(id)].name);
    Json report = {{"attention", block.name},
                   {"layers", layers},
                   {"queries", layer.queries},
                   {"keys", layer.keys},
                   {"mask", attentionMaskName(block.mask)},
                   {"causal", layer.causal},
                   {"scale", optionalNumber(block.scale)},
                   {"probabilities", survey.model->graph.value(block.probabilities).name},
                   {"heads", Json::array()},
                   {"kv_heads", Json::array()}};
    for (const AttentionHead &head : layer.heads) {
        Json entry = {{"float", headReport(head.reference)}};
        if (head.quantized) {
            entry["quantized"] = headReport(*head.quantized);
            entry["difference"] = agreementReport(head);
        }
        report["heads"].push_back(std::move(entry));
    }
    for (const KvHead &head : layer.kvHeads)
        report["kv_heads"].push_back(kvReport(head));
    if (index < survey.ranks.size())
        report["ranking"] = {{"kendall_tau", survey.ranks[index].tau},
                             {"top_tenth_kept", survey.ranks[index].topTenthKept}};
    return report;
}

Json documentOf(const AttentionJob::Result &result) {
    const AttentionSurvey &survey = *result.survey;
    Json document = {
        {"model", {{"file", result.provenance.modelFile}, {"sha256", result.provenance.modelSha256}}},
        {"sample", survey.sample},
        {"largest_map_bytes", survey.largestMapBytes},
        {"attention", Json::array()}};
    for (std::size_t i = 0; i < survey.layers.size(); ++i)
        document["attention"].push_back(layerReport(survey, i));
    document["token_importance"] = survey.importance;
    if (survey.hasQuantized)
        document["quantized_token_importance"] = survey.quantizedImportance;
    return document;
}

TextTable headTable(const AttentionSurvey &survey) {
    std::vector<TextTable::Column> columns{{"attention", TextTable::Side::Left},
                                           {"head"},
                                           {"entropy"},
                                           {"of ln n"},
                                           {"sink"},
                                           {"strongest key"},
                                           {"its share"},
                                           {"mean distance"}};
    if (survey.hasQuantized)
        for (const char *title : {"rel. L1", "cosine", "KL", "top-5 kept", "output SQNR"})
            columns.push_back({title});
    TextTable table(std::move(columns));
    const auto percent = [](std::optional<double> share) {
        return valueText(share ? std::optional(100 * *share) : std::nullopt, "%", 3);
    };
    for (const auto &layer : survey.layers)
        for (std::size_t i = 0; i < layer->heads.size(); ++i) {
            const AttentionHead &head = layer->heads[i];
            const AttentionHeadMetrics &metrics = head.reference;
            std::vector<std::string> cells{survey.attention->blocks[layer->block].name,
                                           std::to_string(i),
                                           significant(metrics.entropy),
                                           valueText(metrics.normalizedEntropy, "", 3),
                                           percent(metrics.sinkShare),
                                           std::to_string(metrics.strongestKey),
                                           percent(metrics.strongestShare),
                                           valueText(metrics.meanDistance, "", 4)};
            if (head.agreement)
                for (const std::string &cell :
                     {significant(head.agreement->relativeL1, 3), significant(head.agreement->cosine, 5),
                      significant(head.agreement->meanKl, 3), percent(head.agreement->topKeysKept),
                      fmt::format("{:.1f} dB", head.outputError->sqnrDb())})
                    cells.push_back(cell);
            table.addRow(std::move(cells));
        }
    return table;
}

std::string layerLines(const AttentionSurvey &survey) {
    TextTable table({{"attention", TextTable::Side::Left},
                     {"heads"},
                     {"K/V heads"},
                     {"queries × keys"},
                     {"mask", TextTable::Side::Left},
                     {"scale"},
                     {"ranks tokens as all layers: tau"},
                     {"top tenth kept"}});
    for (std::size_t i = 0; i < survey.layers.size(); ++i) {
        const AttentionLayer &layer = *survey.layers[i];
        const AttentionBlock &block = survey.attention->blocks[layer.block];
        const bool ranked = i < survey.ranks.size();
        table.addRow({block.name, std::to_string(layer.heads.size()), std::to_string(layer.kvHeads.size()),
                      fmt::format("{} × {}", layer.queries, layer.keys),
                      layer.causal ? "causal" : attentionMaskName(block.mask), valueText(block.scale, "", 4),
                      ranked ? significant(survey.ranks[i].tau, 3) : "–",
                      ranked ? fmt::format("{:.0f} %", 100 * survey.ranks[i].topTenthKept) : "–"});
    }
    return table.text();
}

} // namespace

Result<AttentionJob::Result> AttentionJob::execute(const CommandContext &context) const {
    Result result;
    QS_TRY(const auto model, inputs.openModel(context));
    QS_TRY(const auto calibration, inputs.openCalibration(*model, context));
    QS_TRY(const auto evaluation, inputs.openEvaluation(*model, context));
    const auto set = evaluation ? evaluation : calibration;
    if (!set)
        return fail(ErrorCode::InvalidArgument,
                    "attention is seen on a sample: give --eval FILE or --calib FILE");
    if (sample < 0 || sample >= set->samples())
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("--sample {}: the set has samples 0 to {}", sample, set->samples() - 1));
    AttentionSurveyRequest request;
    request.sample = sample;
    request.input.attention = std::make_shared<const AttentionSearch>(findAttention(*model));
    if (request.input.attention->blocks.empty())
        return fail(ErrorCode::Unsupported,
                    "no attention was found. " + request.input.attention->report(model->graph),
                    model->file.filename().string());
    QS_TRY(request.input.executor, openExecutor(model, true, context));
    QS_TRY(request.input.inputs, readModelInputs(*set, model->graph, sample, sample + 1));
    result.provenance.program = "quantoscope " QS_VERSION;
    result.provenance.modelFile = model->file.filename().string();
    result.provenance.modelSha256 = model->sha256;
    if (quantize) {
        RunJob job{inputs, recipe};
        job.measure = false;
        QS_TRY(const std::shared_ptr<const Run> run, job.execute(context));
        result.provenance = run->provenance;
        if (run->prepared) { // the same attention, between operators with other ids
            request.input.executor = run->prepared->executor;
            request.input.attention =
                std::make_shared<const AttentionSearch>(findAttention(*run->prepared->model));
        }
        QS_TRY(request.quantized, substitutions(*run->quantizedModel(), run->quantizedLayers()));
    }
    result.provenance.evaluationFile = set->file().filename().string();
    result.provenance.evaluationSha256 = set->sha256();
    result.provenance.evaluationSamples = 1;
    QS_TRY(result.survey, surveyAttention(request, {}, context.findings, context.run));
    return result;
}

Result<int> findAttentionBlock(const AttentionSearch &attention, const std::string &name) {
    if (name.empty())
        return -1;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < attention.blocks.size(); ++i) {
        if (attention.blocks[i].name == name)
            return static_cast<int>(i);
        names.push_back(attention.blocks[i].name);
    }
    return fail(ErrorCode::InvalidArgument,
                fmt::format("there is no attention '{}'. There are: {}", name, fmt::join(names, ", ")));
}

void AttentionCommand::addOptions(CLI::App &app) {
    m_inputs.addModel(app);
    m_inputs.addCalibration(app, false);
    m_inputs.addEvaluation(app, false);
    m_recipe.addFileOnly(app);
    app.add_option("--sample", m_sample, "Which sample of --eval, else of --calib; the first is 0")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str()
        ->type_name("N");
    app.footer(
        "Entropy in nats, mean over queries; `of ln n` 1 = all keys alike. Sink: attention to the first "
        "key.\n"
        "Distances in token positions. With --recipe the quantized model is measured beside the float one.\n"
        "--json adds distance profiles, token saliency (accumulated, and normalised by the causal triangle)\n"
        "and statistics of K and V per head.");
}

Result<CommandOutput> AttentionCommand::run(const CommandContext &context) {
    QS_TRY(const AttentionJob::Result result,
           (AttentionJob{m_inputs, m_recipe, m_recipe.isFileGiven(), m_sample}.execute(context)));
    return CommandOutput{documentOf(result),
                         layerLines(*result.survey) + "\n" + headTable(*result.survey).text()};
}

} // namespace qs::app
