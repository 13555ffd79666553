#include "plugins/block/block_parameters.h"

namespace qs {
namespace {

// Defaults are for sample models on two cores; the authors use 20000 iterations at learning rate 0.001.
constexpr const char *kShared = R"({
    "iterations": {
      "type": "integer", "title": "Iterations", "default": 300, "minimum": 1, "maximum": 100000,
      "description": "Steps of Adam on a block. The papers use up to 20000; 300 with the larger learning rate below are usable on two cores."},
    "learning_rate": {
      "type": "number", "title": "Learning rate", "default": 0.1, "minimum": 1e-5, "maximum": 1,
      "description": "Of the rounding variables. BRECQ uses 0.001 with many more iterations."},
    "warm_up": {
      "type": "number", "title": "Warm-up", "default": 0.2, "minimum": 0, "maximum": 0.9,
      "description": "Share of the iterations before weights are urged to decide for a side."},
    "regularization": {
      "type": "number", "title": "Regularization", "default": 100, "minimum": 0, "maximum": 1e6,
      "description": "Cost of a weight that is not decided, in units of the block's loss at the start per weight."},
    "beta_start": {
      "type": "number", "title": "Exponent at first", "default": 20, "minimum": 2, "maximum": 100,
      "description": "Of the regularizer; it falls linearly after the warm-up."},
    "beta_end": {
      "type": "number", "title": "Exponent at last", "default": 2, "minimum": 1, "maximum": 100,
      "description": "Of the regularizer."},
    "batch_size": {
      "type": "integer", "title": "Batch size", "default": 8, "minimum": 1, "maximum": 1024,
      "description": "Calibration samples in one step. BRECQ uses 32."},
    "samples": {
      "type": "integer", "title": "Samples", "default": 64, "minimum": 1, "maximum": 65536,
      "description": "Calibration samples that are kept in memory. BRECQ uses 1024."},
    "loss": {
      "type": "string", "enum": ["mse", "fisher"], "title": "Loss", "default": "mse",
      "description": "mse: squared error of the block's output. fisher: each element weighted by the squared gradient of the KL divergence of the model's outputs there (diagonal of the Fisher information); needs gradients through the rest of the network, once."},
    "activation_iterations": {
      "type": "integer", "title": "Iterations for activations", "default": 100, "minimum": 0, "maximum": 100000,
      "description": "Steps of Adam on the activation steps after the rounding is done. The paper uses 5000."},
    "activation_learning_rate": {
      "type": "number", "title": "Learning rate for activations", "default": 0.002, "minimum": 0, "maximum": 0.1,
      "description": "Share of an activation step that it can change by at once; falls to 0 like a cosine."},
    "quantized_share": {
      "type": "number", "title": "Quantized share", "default": 0.5, "minimum": 0, "maximum": 1,
      "description": "Chance of an activation to be quantized while rounding is learned; 1 is quantized always."},
    "keep_best": {
      "type": "boolean", "title": "Keep the better block", "default": true,
      "description": "Keeps what the block starts from, as a rule round-to-nearest, where that has the smaller loss."}
  })";

template <typename T>
void read(const nlohmann::json &parameters, const char *name, T &dst) {
    if (const auto found = parameters.find(name); found != parameters.end())
        found->get_to(dst);
}

} // namespace

std::string blockParameters(std::initializer_list<std::string_view> shared, const char *own) {
    const auto all = nlohmann::ordered_json::parse(kShared), added = nlohmann::ordered_json::parse(own);
    nlohmann::ordered_json properties = nlohmann::ordered_json::object();
    for (const std::string_view name : shared)
        properties[std::string(name)] = all.at(std::string(name));
    for (const auto &[name, property] : added.items())
        properties[name] = property;
    return nlohmann::ordered_json{{"type", "object"}, {"properties", std::move(properties)}}.dump();
}

BlockSolverOptions solverOptions(const nlohmann::json &parameters) {
    BlockSolverOptions options;
    read(parameters, "iterations", options.iterations);
    read(parameters, "learning_rate", options.learningRate);
    read(parameters, "warm_up", options.warmUp);
    read(parameters, "regularization", options.regularization);
    read(parameters, "beta_start", options.betaStart);
    read(parameters, "beta_end", options.betaEnd);
    read(parameters, "activation_iterations", options.activationIterations);
    read(parameters, "activation_learning_rate", options.activationLearningRate);
    read(parameters, "quantized_share", options.quantizedShare);
    options.objective = objectiveOptions(parameters);
    return options;
}

ObjectiveOptions objectiveOptions(const nlohmann::json &parameters) {
    ObjectiveOptions options;
    read(parameters, "keep_best", options.keepBest);
    if (parameters.value("loss", "mse") == "fisher") {
        options.weights[QS_TERM_SQUARED_ERROR] = 0;
        options.weights[QS_TERM_FISHER_ERROR] = 1;
    }
    return options;
}

void planSamples(const nlohmann::json &parameters, qs_block_plan &plan) {
    plan.batch_size = parameters.at("batch_size");
    plan.max_samples = parameters.at("samples");
    if (parameters.value("loss", "mse") == "fisher")
        plan.terms = 1U << QS_TERM_FISHER_ERROR;
}

} // namespace qs
