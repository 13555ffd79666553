#include "core/session/run.h"

namespace qs {
namespace {

using Json = nlohmann::ordered_json;

/// null where nothing was compared.
Json errorReport(const ErrorMetrics &error) {
    if (error.count == 0)
        return nullptr;
    return {{"sqnr_db", error.sqnrDb()},
            {"mse", error.mse()},
            {"cosine", error.cosine()},
            {"max_abs_error", error.maxAbsError}};
}

Json provenanceReport(const Provenance &provenance) {
    Json report = {{"program", provenance.program},
                   {"model", {{"file", provenance.modelFile}, {"sha256", provenance.modelSha256}}}};
    auto set = [](const std::string &file, const std::string &sha256, std::int64_t samples) {
        return Json{{"file", file}, {"sha256", sha256}, {"samples", samples}};
    };
    if (!provenance.codesSha256.empty())
        report["codes"] = {{"file", provenance.codesFile}, {"sha256", provenance.codesSha256}};
    if (!provenance.calibrationFile.empty())
        report["calibration"] =
            set(provenance.calibrationFile, provenance.calibrationSha256, provenance.calibrationSamples);
    if (!provenance.evaluationFile.empty())
        report["evaluation"] =
            set(provenance.evaluationFile, provenance.evaluationSha256, provenance.evaluationSamples);
    report["seed"] = provenance.seed;
    report["methods"] = provenance.methodVersions;
    return report;
}

const char *stateName(LayerResult::State state) {
    switch (state) {
    case LayerResult::State::Quantized:
        return "quantized";
    case LayerResult::State::Float:
        return "float";
    case LayerResult::State::Failed:
        return "failed";
    }
    return "unknown";
}

Json bitsReport(const BitsBreakdown &bits) {
    return {{"effective", bits.effective()},  {"codes", bits.codes},     {"scales", bits.scales},
            {"zero_points", bits.zeroPoints}, {"indices", bits.indices}, {"outliers", bits.outliers},
            {"branch", bits.branch}};
}

Json boundReport(const RangeBound &bound) {
    return {{"low", {bound.low.lo, bound.low.hi}}, {"high", {bound.high.lo, bound.high.hi}}};
}

Json layerReport(const Run &run, const LayerResult &result) {
    const Layer &layer = run.model->layers[static_cast<std::size_t>(result.layer)];
    Json report = {{"layer", layer.name},
                   {"kind", layerKindName(layer.kind)},
                   {"shape", layer.weightShape.dims()},
                   {"parameters", layer.parameters()},
                   {"state", stateName(result.state)}};
    if (result.choice.weight) {
        report["method"] = result.choice.weight->method;
        report["bits"] = result.choice.weight->scheme.grid.bits;
    }
    if (!result.failure.empty())
        report["failure"] = result.failure;
    report["bits_per_weight"] = bitsReport(result.bits);
    if (result.quantized.activation)
        report["activation"] = {{"bits", result.quantized.activationScheme->bits},
                                {"scale", result.quantized.activation->scale},
                                {"zero_point", result.quantized.activation->zeroPoint}};
    if (const auto bound = run.activationRangeBound(result.layer))
        report["activation"]["percentile_between"] = boundReport(*bound);
    if (const auto &region = result.quantized.activationRegion)
        report["activation"] = {{"bits", result.quantized.activationScheme->bits},
                                {"step", region->step},
                                {"negative_step", region->negativeStep()}};
    if (result.weightError)
        report["weight_error"] = errorReport(*result.weightError);
    if (result.outputError)
        report["output_error"] = errorReport(*result.outputError);
    if (result.network)
        report["in_network"] = metricsReport(*result.network);
    return report;
}

} // namespace

Json metricsReport(const OutputMetrics &metrics) {
    Json report = errorReport(metrics.error);
    for (const MetricInfo &info : allMetrics())
        if (const auto value = metricValue(metrics, info.metric); value && !report.contains(info.id))
            report[info.id] = *value;
    return report;
}

Json runReport(const Run &run) {
    Json report = {{"quantoscope_report", 1},
                   {"name", run.name},
                   {"provenance", provenanceReport(run.provenance)},
                   {"recipe", run.recipe.toJson()},
                   {"complete", run.complete},
                   {"effective_bits_per_weight", run.effectiveBits()},
                   {"weight_bytes", run.weightBytes()}};
    if (run.baseline)
        report["float"] = metricsReport(*run.baseline);
    if (run.total)
        report["quantized"] = metricsReport(*run.total);
    report["layers"] = Json::array();
    for (const auto &layer : run.layers)
        if (layer)
            report["layers"].push_back(layerReport(run, *layer));
    return report;
}

} // namespace qs
