#include "plugins/block/mgrq.h"

#include "plugins/block/block_call.h"
#include "plugins/block/block_parameters.h"

namespace qs {
namespace {

constexpr const char *kOwn = R"({
    "global_weight": {
      "type": "number", "title": "Weight of the model's output", "default": 1, "minimum": 0, "maximum": 1000,
      "description": "Extra-block global supervision: KL divergence of the softmax of the model's outputs, with everything behind the block in float. Each step then runs the rest of the network. 1 counts as much at first as the block's squared error."},
    "local_weight": {
      "type": "number", "title": "Weight of the layers' outputs", "default": 1, "minimum": 0, "maximum": 1000,
      "description": "Intra-block local supervision: KL divergence, both ways, of the softmax over the channels of every layer's output. 1 counts as much at first as the block's squared error."}
  })";

const std::string &parameters() {
    static const std::string text =
        blockParameters({"iterations", "learning_rate", "warm_up", "regularization", "beta_start", "beta_end",
                         "batch_size", "samples", "activation_learning_rate", "quantized_share", "keep_best"},
                        kOwn);
    return text;
}

} // namespace

PluginMethodInfo Mgrq::info() {
    PluginMethodInfo info;
    info.id = "mgrq";
    info.name = "MGRQ (after the abstract)";
    info.summary =
        "As QDrop, with two more terms in the loss: the output of the whole model and the outputs of the "
        "layers inside the block, each in units of its value at the start. Only the abstract was at "
        "hand; the form of the terms is our choice.";
    info.paper = "Mixed-Granularity Reconstruction for vision transformers (MGRQ), 2024";
    info.tags = "rounding,activation,optimisation,weight-activation,block";
    info.parameters = parameters().c_str();
    info.status = QS_EXPERIMENTAL;
    info.cost =
        "iterations · (forward + backward from the block to the end of the network); samples · (values "
        "between blocks + outputs of layers)";
    return info;
}

void Mgrq::plan(const char *parameters, qs_block_plan &plan) {
    const auto json = nlohmann::json::parse(parameters);
    planSamples(json, plan);
    if (json.at("global_weight") > 0)
        plan.terms |= 1U << QS_TERM_MODEL_KL;
    if (json.at("local_weight") > 0)
        plan.terms |= 1U << QS_TERM_LAYER_KL;
}

BlockSolverOptions mgrqOptions(const nlohmann::json &parameters) {
    BlockSolverOptions options = solverOptions(parameters);
    options.joint = true;
    options.objective.fused = true;
    options.objective.weights[QS_TERM_MODEL_KL] = parameters.at("global_weight");
    options.objective.weights[QS_TERM_LAYER_KL] = parameters.at("local_weight");
    return options;
}

void Mgrq::reconstruct(const BlockCall &call) {
    const auto json = nlohmann::json::parse(call.request().parameters);
    store(call, "MGRQ",
          solveBlock(layersOf(call.request()), mgrqOptions(json), blockServicesOf(call, "MGRQ")));
}

} // namespace qs
