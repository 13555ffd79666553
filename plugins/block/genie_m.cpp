#include "plugins/block/genie_m.h"

#include "plugins/block/block_call.h"
#include "plugins/block/block_parameters.h"

namespace qs {
namespace {

constexpr const char *kOwnParameters = R"({
    "scale_learning_rate": {
      "type": "number", "title": "Learning rate for scales", "default": 0.002, "minimum": 0, "maximum": 0.1,
      "description": "Share of a weight scale that it can change by at once; 0 is QDrop. The paper uses 0.0001 (absolute) with 20000 iterations."}
  })";

const std::string &parametersText() {
    static const std::string text = blockParameters(
        {"iterations", "learning_rate", "warm_up", "regularization", "beta_start", "beta_end", "batch_size",
         "samples", "loss", "activation_learning_rate", "quantized_share", "keep_best"},
        kOwnParameters);
    return text;
}

} // namespace

PluginMethodInfo GenieM::info() {
    PluginMethodInfo info;
    info.id = "genie-m";
    info.name = "GENIE-M";
    info.summary =
        "As QDrop, and learns the scales of the weights along; a code stays one of the two neighbours that "
        "the first scale gave it. Made for distilled data, works with any.";
    info.paper = "Jeon et al. 2023, arXiv:2212.04780";
    info.tags = "rounding,grid,activation,optimisation,weight-activation,block";
    info.parameters = parametersText().c_str();
    info.status = QS_PAPER_FORMULA;
    info.cost = "iterations · (forward + backward of the block); samples · values between blocks";
    return info;
}

void GenieM::plan(const char *parameters, qs_block_plan &plan) {
    planSamples(nlohmann::json::parse(parameters), plan);
}

void GenieM::reconstruct(const BlockCall &call) {
    const auto parameters = nlohmann::json::parse(call.request().parameters);
    BlockSolverOptions options = solverOptions(parameters);
    options.joint = true;
    options.scaleLearningRate = parameters.at("scale_learning_rate");
    store(call, "GENIE-M", solveBlock(layersOf(call.request()), options, blockServicesOf(call, "GENIE-M")));
}

} // namespace qs
