#include "plugins/rounding/rsq.h"

#include "plugins/rounding/gptq.h"

#include <nlohmann/json.hpp>

namespace qs {
namespace {

constexpr const char *kParameters = R"({
  "type": "object",
  "properties": {
    "importance": {
      "type": "string", "title": "Important tokens", "enum": ["attention", "norm", "first"], "default": "attention",
      "description": "attention: those that receive much attention, summed over heads and queries, in the attention before the layer (AttnCon). norm: those whose activation is long when it enters the layer (ActNorm). first: the first of each sequence (FirstN)."},
    "smallest": {
      "type": "number", "title": "Smallest weight", "default": 0.1, "minimum": 0.0001, "maximum": 1,
      "description": "Weight of the least important token of a sequence beside 1 for the most important one. 1 is GPTQ; the authors tried 0.005 to 0.1."},
    "exponent": {
      "type": "number", "title": "Exponent", "default": 1, "minimum": 0.1, "maximum": 4,
      "description": "Of the weights in the Hessian. 1 is what the authors' code does, 2 what their text says."},
    "first": {
      "type": "integer", "title": "First tokens", "default": 256, "minimum": 1, "maximum": 1000000,
      "description": "How many tokens of a sequence are important under first."},
    "act_order": {
      "type": "boolean", "title": "Order by activation", "default": false,
      "description": "Rounds the inputs with the largest weighted energy first."},
    "static_groups": {
      "type": "boolean", "title": "Static groups", "default": false,
      "description": "Fits the grids of all groups before rounding, so that ordering by activation keeps groups of neighbouring columns."},
    "damping": {
      "type": "number", "title": "Damping", "default": 0.01, "minimum": 1e-6, "maximum": 1e4,
      "description": "Share of the mean diagonal of the Hessian that is added to its diagonal. Large values approach round-to-nearest."},
    "keep_best": {
      "type": "boolean", "title": "Keep the better rows", "default": false,
      "description": "Keeps round-to-nearest in the rows where it has the smaller weighted error."}
  }
})";

std::int32_t importanceOf(const std::string &name) {
    return name == "attention" ? QS_TOKENS_ATTENTION : name == "norm" ? QS_TOKENS_NORM : QS_TOKENS_FIRST;
}

} // namespace

PluginMethodInfo Rsq::info() {
    PluginMethodInfo info;
    info.id = "rsq";
    info.name = "RSQ";
    info.summary = "GPTQ that counts important tokens more; the paper rotates the model first (transform "
                   "quarot) and rounds on symmetric grids with the range that has the smallest error.";
    info.paper = "Sung et al. 2025, arXiv:2503.01820";
    info.tags = "rounding,compensation,salience,hessian,weight-only,attention,transformer";
    info.parameters = kParameters;
    info.needs = QS_NEEDS_HESSIAN;
    info.status = QS_PAPER_FORMULA;
    info.cost = "d^3/3 + m d^2; d^2 doubles + 2 m d floats; calibration sums one more Hessian";
    return info;
}

std::string Rsq::refusal(const qs_quantize_request &request) {
    return Gptq::refusal(request);
}

void Rsq::tokenWeighting(const char *parameters, qs_token_weighting &weighting) {
    const auto json = nlohmann::json::parse(parameters);
    weighting.importance = importanceOf(json.at("importance"));
    weighting.smallest = json.at("smallest");
    weighting.exponent = json.at("exponent");
    // Otherwise a number that plays no role would ask for a Hessian of its own.
    weighting.first = weighting.importance == QS_TOKENS_FIRST ? json.at("first").get<std::int64_t>() : 0;
}

void Rsq::quantize(const PluginCall &call) {
    quantizeWithGptq(call, "RSQ");
}

} // namespace qs
