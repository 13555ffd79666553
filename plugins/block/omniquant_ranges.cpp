#include "plugins/block/omniquant_ranges.h"

#include "plugins/block/block_call.h"
#include "plugins/block/block_parameters.h"
#include "plugins/block/range_solver.h"

namespace qs {
namespace {

constexpr const char *kOwn = R"({
    "learning_rate": {
      "type": "number", "title": "Learning rate", "default": 0.02, "minimum": 1e-5, "maximum": 1,
      "description": "Of Adam, for the logits of the clipping factors. The paper uses 0.01 with more steps."},
    "start_logit": {
      "type": "number", "title": "Logit at first", "default": 4, "minimum": -2, "maximum": 30,
      "description": "Where the clipping factors start: 4 is 0.982 of the range, as in the paper; 30 is all of it."}
  })";

const std::string &parameters() {
    static const std::string text =
        blockParameters({"iterations", "batch_size", "samples", "loss", "keep_best"}, kOwn);
    return text;
}

} // namespace

PluginMethodInfo OmniQuantRanges::info() {
    PluginMethodInfo info;
    info.id = "omniquant-lwc-learned";
    info.name = "OmniQuant LWC (learned)";
    info.summary =
        "Learns by gradients through the block how far to shrink both ends of the range of each row or "
        "group, and rounds to nearest. The scales of activations (LET) are not learned along: use the "
        "transform omniquant-let before.";
    info.paper = "Shao et al. 2023, OmniQuant, arXiv:2308.13137";
    info.tags = "grid,optimisation,weight-only,block";
    info.parameters = parameters().c_str();
    info.status = QS_PAPER_FORMULA;
    info.cost = "iterations · (forward + backward of the block); samples · values between blocks";
    return info;
}

void OmniQuantRanges::plan(const char *parameters, qs_block_plan &plan) {
    planSamples(nlohmann::json::parse(parameters), plan);
}

void OmniQuantRanges::reconstruct(const BlockCall &call) {
    const auto json = nlohmann::json::parse(call.request().parameters);
    RangeSolverOptions options;
    options.iterations = json.at("iterations");
    options.learningRate = json.at("learning_rate");
    options.startLogit = json.at("start_logit");
    options.objective = objectiveOptions(json);
    store(call, "OmniQuant LWC",
          learnRanges(layersOf(call.request()), options, blockServicesOf(call, "OmniQuant LWC")));
}

} // namespace qs
