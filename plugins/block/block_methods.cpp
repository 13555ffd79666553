#include "plugins/block/block_methods.h"

#include "plugins/block/block_call.h"
#include "plugins/block/block_parameters.h"

namespace qs {
namespace {

constexpr const char *kCost =
    "iterations · (forward + backward of the block); samples · values between blocks";

const std::string &brecqParameters() {
    static const std::string text = blockParameters(
        {"iterations", "learning_rate", "warm_up", "regularization", "beta_start", "beta_end", "batch_size",
         "samples", "loss", "activation_iterations", "activation_learning_rate", "keep_best"},
        "{}");
    return text;
}

const std::string &qdropParameters() {
    static const std::string text = blockParameters(
        {"iterations", "learning_rate", "warm_up", "regularization", "beta_start", "beta_end", "batch_size",
         "samples", "loss", "activation_learning_rate", "quantized_share", "keep_best"},
        "{}");
    return text;
}

void reconstructWith(const BlockCall &call, const char *name, bool joint) {
    BlockSolverOptions options = solverOptions(nlohmann::json::parse(call.request().parameters));
    options.joint = joint;
    store(call, name, solveBlock(layersOf(call.request()), options, blockServicesOf(call, name)));
}

} // namespace

PluginMethodInfo Brecq::info() {
    PluginMethodInfo info;
    info.id = "brecq";
    info.name = "BRECQ";
    info.summary =
        "Learns for all weights of a block together whether to round up or down, so that the output of "
        "the block stays; then the steps of its activations.";
    info.paper = "Li et al. 2021, arXiv:2102.05426";
    info.tags = "rounding,activation,optimisation,weight-activation,block";
    info.parameters = brecqParameters().c_str();
    info.status = QS_PAPER_FORMULA;
    info.cost = kCost;
    return info;
}

void Brecq::plan(const char *parameters, qs_block_plan &plan) {
    planSamples(nlohmann::json::parse(parameters), plan);
}

void Brecq::reconstruct(const BlockCall &call) {
    reconstructWith(call, "BRECQ", false);
}

PluginMethodInfo QDrop::info() {
    PluginMethodInfo info;
    info.id = "qdrop";
    info.name = "QDrop";
    info.summary =
        "As BRECQ, with the steps of activations learned along, while a random half of the activations "
        "stays in float.";
    info.paper = "Wei et al. 2022, arXiv:2203.05740";
    info.tags = "rounding,activation,optimisation,weight-activation,block";
    info.parameters = qdropParameters().c_str();
    info.status = QS_PAPER_FORMULA;
    info.cost = kCost;
    return info;
}

void QDrop::plan(const char *parameters, qs_block_plan &plan) {
    planSamples(nlohmann::json::parse(parameters), plan);
}

void QDrop::reconstruct(const BlockCall &call) {
    reconstructWith(call, "QDrop", true);
}

} // namespace qs
