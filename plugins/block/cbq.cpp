#include "plugins/block/cbq.h"

#include "plugins/block/block_call.h"
#include "plugins/block/block_parameters.h"
#include "plugins/block/weight_truncation.h"

#include <algorithm>
#include <fmt/format.h>

namespace qs {
namespace {

constexpr const char *kOwn = R"({
    "window": {
      "type": "integer", "title": "Window", "default": 2, "minimum": 1, "maximum": 64,
      "description": "Blocks that are learned together. Memory and time of a step grow with it."},
    "overlap": {
      "type": "integer", "title": "Overlap", "default": 1, "minimum": 0, "maximum": 63,
      "description": "Blocks that the next window learns again; at most one less than the window."},
    "rank": {
      "type": "integer", "title": "Rank", "default": 5, "minimum": 0, "maximum": 1024,
      "description": "Of the change of the rounding variables (LoRA-rounding). 0: every weight has a variable of its own, as with BRECQ. 5 is from memory of the paper."},
    "sharpness": {
      "type": "number", "title": "Sharpness at last", "default": 30, "minimum": 1, "maximum": 1000,
      "description": "With a rank: what rounding variables are multiplied with at the end, growing from 1, so that they decide; the regularization is for rank 0 alone. Our choice; the paper does not say."},
    "homologous": {
      "type": "number", "title": "Homologous target", "default": 0.5, "minimum": 0, "maximum": 1,
      "description": "Weight of the float blocks' output on the input of the quantized network, against that of the float network. How the paper weighs them is not known here."},
    "kl_weight": {
      "type": "number", "title": "Weight of KL", "default": 1, "minimum": 0, "maximum": 1000,
      "description": "Of the KL divergence between the softmax of the outputs, beside their squared error."},
    "scale_learning_rate": {
      "type": "number", "title": "Learning rate for weight steps", "default": 0.0005, "minimum": 0, "maximum": 0.1,
      "description": "Share of the scale of a weight that it can change by at once; 0 keeps scales. The paper uses 1e-4 to 1e-6 over far more steps."},
    "truncate": {
      "type": "boolean", "title": "Truncate weight outliers", "default": true,
      "description": "Coarse-to-fine preprocessing of the weights: the grid ends at the largest weight of the layer that is no outlier. The activation half is the transform cbq-cfp."},
    "variance_weight": {
      "type": "number", "title": "Weight of the variance", "default": 1, "minimum": 0, "maximum": 1000,
      "description": "Of what stays, against the gap to the outliers, where the candidates are split."}
  })";

const std::string &parameters() {
    static const std::string text =
        blockParameters({"iterations", "learning_rate", "warm_up", "regularization", "beta_start", "beta_end",
                         "batch_size", "samples", "activation_learning_rate", "keep_best"},
                        kOwn);
    return text;
}

} // namespace

PluginMethodInfo Cbq::info() {
    PluginMethodInfo info;
    info.id = "cbq";
    info.name = "CBQ (from the paper's formulas)";
    info.summary =
        "Learns the rounding of several blocks at once, in a window that slides over the network, with "
        "few variables for every layer, along with scales and activation steps. No code of the "
        "authors was at hand: parameters say what is our choice.";
    info.paper = "Ding et al. 2023, arXiv:2312.07950";
    info.tags = "rounding,grid,activation,optimisation,low-rank,weight-activation,block";
    info.parameters = parameters().c_str();
    info.status = QS_PAPER_FORMULA;
    info.cost =
        "as BRECQ, times window / (window - overlap), with forward and backward of a window; 3 (m + d) rank "
        "variables a layer";
    return info;
}

void Cbq::plan(const char *parameters, qs_block_plan &plan) {
    const auto json = nlohmann::json::parse(parameters);
    planSamples(json, plan);
    plan.window = json.at("window");
    plan.overlap = std::min(json.at("overlap").get<std::int64_t>(), plan.window - 1);
    plan.terms = 1U << QS_TERM_SQUARED_ERROR | 1U << QS_TERM_OUTPUT_KL;
}

BlockSolverOptions cbqOptions(const nlohmann::json &parameters) {
    BlockSolverOptions options = solverOptions(parameters);
    options.joint = true;
    options.quantizedShare = 1;
    options.rank = parameters.at("rank");
    options.sharpness = parameters.at("sharpness");
    options.scaleLearningRate = parameters.at("scale_learning_rate");
    options.objective.weights[QS_TERM_OUTPUT_KL] = parameters.at("kl_weight");
    options.objective.sameInputTarget = parameters.at("homologous");
    return options;
}

namespace {

/// What the method may not be worse than: the layers as they came, before outliers were truncated.
void keepBetter(const std::vector<SolverLayer> &layers, const BlockSolverOptions &options,
                const BlockSolverServices &services, BlockSolution &solution) {
    BlockObjective objective(layers, options.objective, services);
    if (const auto started = objective.start(); !started)
        throw PluginError(QS_FAILED, started.error().message);
    if (objective.startLoss() > std::min(solution.learnedLoss, solution.nearestLoss))
        return;
    solution.nearestLoss = objective.startLoss();
    solution.keptNearest = true;
    for (std::size_t l = 0; l < layers.size(); ++l)
        solution.layers[l] = SolvedLayer::nearest(layers[l]);
    solution.activationScales = objective.startSteps();
}

} // namespace

void Cbq::reconstruct(const BlockCall &call) {
    const auto json = nlohmann::json::parse(call.request().parameters);
    const std::vector<SolverLayer> layers = layersOf(call.request());
    std::vector<SolverLayer> truncated = layers;
    std::int64_t changed = 0;
    if (json.at("truncate"))
        for (SolverLayer &layer : truncated)
            changed += truncateOutliers(layer, json.at("variance_weight"));
    if (changed > 0)
        call.log(QS_LOG_INFO, fmt::format("CBQ: outliers truncated in {} rows or groups", changed));
    BlockSolverServices services = blockServicesOf(call, "CBQ");
    BlockSolverOptions options = cbqOptions(json);
    if ((services.terms >> QS_TERM_OUTPUT_KL & 1U) == 0)
        options.objective.sameInputTarget = 0; // a layer alone has but one input
    auto solution = solveBlock(truncated, options, services);
    if (solution && changed > 0 && options.objective.keepBest)
        keepBetter(layers, options, services, *solution);
    store(call, "CBQ", solution);
}

} // namespace qs
