#include "plugins/rounding/adaquant.h"

#include "plugins/rounding/adaquant_solver.h"
#include "plugins/rounding/solver_call.h"

#include <fmt/format.h>

namespace qs {
namespace {

constexpr const char *kParameters = R"({
  "type": "object",
  "properties": {
    "iterations": {
      "type": "integer", "title": "Iterations", "default": 400, "minimum": 1, "maximum": 10000,
      "description": "Steps of Adam. The best step of every row is kept."},
    "weight_rate": {
      "type": "number", "title": "Learning rate of weights", "default": 0.005, "minimum": 0, "maximum": 1,
      "description": "In code steps; falls to 0 over the iterations. The authors' rate of 1e-5 is in units of the weights."},
    "grid_rate": {
      "type": "number", "title": "Learning rate of grids", "default": 0.005, "minimum": 0, "maximum": 0.1,
      "description": "Of scales, relative, and of zero points, in shares of all codes; falls to 0."},
    "learn_grids": {
      "type": "boolean", "title": "Learn scales and zero points", "default": true,
      "description": "Otherwise the grids stay those of round-to-nearest."}
  }
})";

AdaQuantOptions optionsOf(const qs_quantize_request &request) {
    const nlohmann::json json = parametersOf(request);
    AdaQuantOptions options;
    options.iterations = json.at("iterations");
    options.weightRate = json.at("weight_rate");
    options.gridRate = json.at("grid_rate");
    options.learnGrids = json.at("learn_grids");
    options.fixedZeros = request.convention != QS_ASYMMETRIC;
    return options;
}

} // namespace

PluginMethodInfo AdaQuant::info() {
    PluginMethodInfo info;
    info.id = "adaquant";
    info.name = "AdaQuant";
    info.summary = "Moves weights, scales and zero points by gradient descent through the rounding. Weights "
                   "only, layer by "
                   "layer: activation ranges stay; add bias tuning for the biases.";
    info.paper = "Hubara et al. 2020, arXiv:2006.10518";
    info.tags = "rounding,grid,optimisation,hessian,weight-only";
    info.parameters = kParameters;
    info.needs = QS_NEEDS_HESSIAN;
    info.status = QS_PAPER_FORMULA;
    info.cost = "T m d^2; d^2 + 7 m d floats";
    return info;
}

std::string AdaQuant::refusal(const qs_quantize_request &request) {
    return refusePerTensor(request, "AdaQuant learns the grid of each row");
}

void AdaQuant::quantize(const PluginCall &call) {
    const AdaQuantResult result =
        valueOrThrow(call, solveAdaQuant(weightsOf(call), schemeOf(call.request()), hessianOf(call),
                                         optionsOf(call.request()), servicesOf(call, "AdaQuant")));
    store(call, result.layer);
    if (result.rowsKept > 0)
        call.log(QS_LOG_INFO,
                 fmt::format("AdaQuant: {} of {} rows stayed at round-to-nearest, which was not bettered",
                             result.rowsKept, call.request().rows));
}

} // namespace qs
