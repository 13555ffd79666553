#include "plugins/rounding/adaround.h"

#include "plugins/rounding/adaround_solver.h"
#include "plugins/rounding/solver_call.h"

#include <fmt/format.h>

namespace qs {
namespace {

constexpr double kDecidedEnough = 0.95;

constexpr const char *kParameters = R"({
  "type": "object",
  "properties": {
    "iterations": {
      "type": "integer", "title": "Iterations", "default": 600, "minimum": 10, "maximum": 20000,
      "description": "Steps of Adam. The authors take 10000 with a learning rate of 0.001."},
    "learning_rate": {
      "type": "number", "title": "Learning rate", "default": 0.05, "minimum": 1e-5, "maximum": 1,
      "description": "Of Adam, on the rounding variables. Fewer iterations need larger rates."},
    "regularization": {
      "type": "number", "title": "Regularization", "default": 6, "minimum": 0.01, "maximum": 1000,
      "description": "How strongly directions are driven to a decision, relative to the error of nearest rounding. Raise it when directions stay undecided."},
    "lambda": {
      "type": "number", "title": "Absolute regularization", "default": 0, "minimum": 0, "maximum": 100,
      "description": "The lambda of the paper, for inputs of mean square 1; 0 = relative, as above."},
    "warm_up": {
      "type": "number", "title": "Warm-up", "default": 0.2, "minimum": 0, "maximum": 0.9,
      "description": "Share of the iterations without regularization."},
    "beta_start": {
      "type": "number", "title": "First sharpness", "default": 20, "minimum": 2, "maximum": 50,
      "description": "Exponent of the regularizer after the warm-up: large values leave undecided directions alone."},
    "beta_end": {
      "type": "number", "title": "Last sharpness", "default": 2, "minimum": 1, "maximum": 20,
      "description": "Exponent of the regularizer at the end."},
    "keep_best": {
      "type": "boolean", "title": "Keep the better rows", "default": true,
      "description": "Keeps round-to-nearest in the rows where it has the smaller error."}
  }
})";

AdaRoundOptions optionsOf(const qs_quantize_request &request) {
    const nlohmann::json json = parametersOf(request);
    AdaRoundOptions options;
    options.iterations = json.at("iterations");
    options.learningRate = json.at("learning_rate");
    options.regularization = json.at("regularization");
    options.lambda = json.at("lambda");
    options.warmUp = json.at("warm_up");
    options.betaStart = json.at("beta_start");
    options.betaEnd = json.at("beta_end");
    options.keepBest = json.at("keep_best");
    return options;
}

} // namespace

PluginMethodInfo AdaRound::info() {
    PluginMethodInfo info;
    info.id = "adaround";
    info.name = "AdaRound";
    info.summary = "Learns for every weight whether to round up or down, by gradient descent on the layer's "
                   "output error.";
    info.paper = "Nagel et al. 2020, arXiv:2004.10568";
    info.tags = "rounding,optimisation,hessian,weight-only";
    info.parameters = kParameters;
    info.needs = QS_NEEDS_HESSIAN;
    info.status = QS_REFERENCE_CHECKED;
    info.cost = "T m d^2; d^2 + 6 m d floats";
    return info;
}

void AdaRound::quantize(const PluginCall &call) {
    const AdaRoundResult result =
        valueOrThrow(call, solveAdaRound(weightsOf(call), schemeOf(call.request()), hessianOf(call),
                                         optionsOf(call.request()), servicesOf(call, "AdaRound")));
    store(call, result.layer);
    const std::string decided =
        fmt::format("AdaRound: {:.1f} % of the directions are decided; {} of {} rows stayed at "
                    "round-to-nearest",
                    100 * result.binaryShare, result.rowsKept, call.request().rows);
    if (result.binaryShare < kDecidedEnough)
        call.log(QS_LOG_WARNING,
                 decided + ". Raise the regularization, the learning rate or the iterations.");
    else
        call.log(QS_LOG_INFO, decided);
}

} // namespace qs
