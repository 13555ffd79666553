#include "plugins/rounding/quantease.h"

#include "plugins/rounding/quantease_solver.h"
#include "plugins/rounding/solver_call.h"

#include <fmt/format.h>

namespace qs {
namespace {

constexpr const char *kParameters = R"({
  "type": "object",
  "properties": {
    "sweeps": {
      "type": "integer", "title": "Sweeps", "default": 30, "minimum": 1, "maximum": 100,
      "description": "How often all columns are visited. Stops earlier when nothing changes any more."},
    "relaxation": {
      "type": "boolean", "title": "Relaxed sweeps", "default": true,
      "description": "Every third sweep leaves the grid, to get out of poor solutions. Not with outliers."},
    "act_order": {
      "type": "boolean", "title": "Order by activation", "default": false,
      "description": "Visits the inputs with the largest energy first. Groups stay where they are."},
    "start": {
      "type": "string", "title": "Start", "enum": ["weights", "nearest", "gptq"], "default": "weights",
      "description": "The weights themselves, round-to-nearest, or GPTQ on the same grids. Not with outliers."},
    "outliers": {
      "type": "number", "title": "Outliers", "default": 0, "minimum": 0, "maximum": 0.1,
      "description": "Share of the weights that are kept in float16: 0.01 costs about 0.32 bits per weight."},
    "whole_columns": {
      "type": "boolean", "title": "Outliers as whole columns", "default": false,
      "description": "Keeps whole input columns in float16 instead of single weights."},
    "outlier_step": {
      "type": "number", "title": "Step of the outliers", "default": 1, "minimum": 0.01, "maximum": 1,
      "description": "In units of the largest step that cannot raise the error."},
    "keep_best": {
      "type": "boolean", "title": "Keep the better rows", "default": true,
      "description": "Per row, keeps the best sweep, or the start where that has the smaller error."}
  }
})";

QuantEaseOptions optionsOf(const qs_quantize_request &request) {
    const nlohmann::json json = parametersOf(request);
    const std::string start = json.at("start");
    QuantEaseOptions options;
    options.sweeps = json.at("sweeps");
    options.relaxation = json.at("relaxation");
    options.actOrder = json.at("act_order");
    options.start = start == "gptq"      ? QuantEaseStart::Gptq
                    : start == "nearest" ? QuantEaseStart::Nearest
                                         : QuantEaseStart::Weights;
    options.outlierShare = json.at("outliers");
    options.wholeColumns = json.at("whole_columns");
    options.outlierStep = json.at("outlier_step");
    options.keepBest = json.at("keep_best");
    return options;
}

} // namespace

PluginMethodInfo QuantEase::info() {
    PluginMethodInfo info;
    info.id = "quantease";
    info.name = "QuantEase";
    info.summary =
        "Sets one column after another to its best value given all others, in many sweeps; can keep a few "
        "weights in float16.";
    info.paper = "Behdin et al. 2023, arXiv:2309.01885";
    info.tags = "rounding,optimisation,sparse,hessian,weight-only";
    info.parameters = kParameters;
    info.needs = QS_NEEDS_HESSIAN;
    info.status = QS_REFERENCE_CHECKED;
    info.cost = "T m d^2; d^2 + 2 m d floats";
    info.stores = QS_STORES_OUTLIERS;
    return info;
}

void QuantEase::quantize(const PluginCall &call) {
    const QuantEaseOptions options = optionsOf(call.request());
    const QuantEaseResult result =
        valueOrThrow(call, solveQuantEase(weightsOf(call), schemeOf(call.request()), hessianOf(call), options,
                                          servicesOf(call, "QuantEase")));
    store(call, result.layer);
    store(call, result.outliers);
    if (result.rowsKept > 0)
        call.log(QS_LOG_INFO, fmt::format("QuantEase: {} of {} rows stayed at their start, which was better",
                                          result.rowsKept, call.request().rows));
}

} // namespace qs
