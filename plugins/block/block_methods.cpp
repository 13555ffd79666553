#include "plugins/block/block_methods.h"

#include "plugins/block/block_solver.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace qs {
namespace {

// Defaults are for sample models on two cores; the authors use 20000 iterations at learning rate 0.001.
constexpr const char *kBrecqParameters = R"({
  "type": "object",
  "properties": {
    "iterations": {
      "type": "integer", "title": "Iterations", "default": 300, "minimum": 1, "maximum": 100000,
      "description": "Steps of Adam on the rounding of a block. The paper uses 20000; 300 with the larger learning rate below are usable on two cores."},
    "learning_rate": {
      "type": "number", "title": "Learning rate", "default": 0.1, "minimum": 1e-5, "maximum": 1,
      "description": "Of the rounding variables. The paper uses 0.001 with many more iterations."},
    "warm_up": {
      "type": "number", "title": "Warm-up", "default": 0.2, "minimum": 0, "maximum": 0.9,
      "description": "Share of the iterations before weights are urged to decide for a side."},
    "regularization": {
      "type": "number", "title": "Regularization", "default": 100, "minimum": 0, "maximum": 1e6,
      "description": "Cost of a weight that is not decided, in units of the block's loss under nearest rounding per weight."},
    "beta_start": {
      "type": "number", "title": "Exponent at first", "default": 20, "minimum": 2, "maximum": 100,
      "description": "Of the regularizer; it falls linearly after the warm-up."},
    "beta_end": {
      "type": "number", "title": "Exponent at last", "default": 2, "minimum": 1, "maximum": 100,
      "description": "Of the regularizer."},
    "batch_size": {
      "type": "integer", "title": "Batch size", "default": 8, "minimum": 1, "maximum": 1024,
      "description": "Calibration samples in one step. The paper uses 32."},
    "samples": {
      "type": "integer", "title": "Samples", "default": 64, "minimum": 1, "maximum": 65536,
      "description": "Calibration samples that are kept in memory. The paper uses 1024."},
    "activation_iterations": {
      "type": "integer", "title": "Iterations for activations", "default": 100, "minimum": 0, "maximum": 100000,
      "description": "Steps of Adam on the activation steps after the rounding is done. The paper uses 5000."},
    "activation_learning_rate": {
      "type": "number", "title": "Learning rate for activations", "default": 0.002, "minimum": 0, "maximum": 0.1,
      "description": "Share of an activation step that it can change by at once; falls to 0 like a cosine."},
    "keep_best": {
      "type": "boolean", "title": "Keep the better block", "default": true,
      "description": "Keeps round-to-nearest in a block where it has the smaller loss."}
  }
})";

constexpr const char *kDropShare = R"({
      "type": "number", "title": "Quantized share", "default": 0.5, "minimum": 0, "maximum": 1,
      "description": "Chance of an activation to be quantized while rounding is learned; 1 is quantized always."})";

/// The parameters of BRECQ without the second phase, with the share of quantized activations.
const std::string &qdropParameters() {
    static const std::string text = [] {
        auto schema = nlohmann::ordered_json::parse(kBrecqParameters);
        schema["properties"].erase("activation_iterations");
        schema["properties"]["quantized_share"] = nlohmann::ordered_json::parse(kDropShare);
        return schema.dump();
    }();
    return text;
}

BlockSolverOptions optionsOf(const nlohmann::json &json, bool joint) {
    BlockSolverOptions options;
    options.iterations = json.at("iterations");
    options.learningRate = json.at("learning_rate");
    options.warmUp = json.at("warm_up");
    options.regularization = json.at("regularization");
    options.betaStart = json.at("beta_start");
    options.betaEnd = json.at("beta_end");
    options.activationLearningRate = json.at("activation_learning_rate");
    options.keepBest = json.at("keep_best");
    options.joint = joint;
    if (joint)
        options.quantizedShare = json.at("quantized_share");
    else
        options.activationIterations = json.at("activation_iterations");
    return options;
}

std::vector<SolverLayer> layersOf(const qs_block_request &request) {
    std::vector<SolverLayer> layers;
    for (std::int32_t i = 0; i < request.layer_count; ++i) {
        const qs_block_layer &source = *request.layers[i];
        SolverLayer layer;
        layer.weights = source.weights;
        layer.rows = source.rows;
        layer.cols = source.cols;
        layer.lowest = source.lowest_code;
        layer.highest = source.highest_code;
        layer.scales.assign(source.scales, source.scales + source.slices);
        layer.zeroPoints.assign(source.zero_points, source.zero_points + source.slices);
        layer.slicesPerRow = source.slices_per_row;
        layer.sliceLength = source.slice_length;
        layer.nearest = source.nearest;
        layer.activationScale = source.quantizes_activation ? source.activation_scale : 0.0f;
        layers.push_back(std::move(layer));
    }
    return layers;
}

/// The solver counts a missing step as 0; the host wants them all positive.
std::vector<float> hostScales(const SolverPass &pass) {
    std::vector<float> scales = pass.activationScales;
    for (float &scale : scales)
        scale = scale > 0 ? scale : 1.0f;
    return scales;
}

BlockSolverServices servicesOf(const BlockCall &call) {
    BlockSolverServices services;
    services.run = [&call](SolverPass &pass) -> Result<double> {
        const std::vector<float> scales = hostScales(pass);
        qs_block_pass run{};
        run.all_samples = pass.allSamples ? 1 : 0;
        run.seed = pass.seed;
        run.weights = pass.weights.data();
        run.activation_scales = scales.empty() ? nullptr : scales.data();
        run.activation_share = pass.activationShare;
        run.input_share = pass.inputShare;
        run.weight_gradients = pass.weightGradients.empty() ? nullptr : pass.weightGradients.data();
        run.activation_scale_gradients =
            pass.activationScaleGradients.empty() ? nullptr : pass.activationScaleGradients.data();
        call.run(run); // throws, and the border catches
        return run.loss;
    };
    services.randomBits = [&call](std::uint64_t index) { return call.randomBits(index); };
    services.cancelled = [&call] { return call.cancelled(); };
    services.progress = [&call](std::int64_t done, std::int64_t total, const std::string &stage) {
        call.progress(done, total, fmt::format("{}: {}", call.request().block_name, stage).c_str());
    };
    services.maxThreads = call.maxThreads();
    return services;
}

void planFor(const char *parameters, qs_block_plan &plan) {
    const auto json = nlohmann::json::parse(parameters);
    plan.batch_size = json.at("batch_size");
    plan.max_samples = json.at("samples");
}

void reconstructWith(const BlockCall &call, const char *name, bool joint) {
    const qs_block_request &request = call.request();
    const std::vector<SolverLayer> layers = layersOf(request);
    BlockSolverServices services = servicesOf(call);
    services.warn = [&](const std::string &text) {
        call.log(QS_LOG_WARNING, fmt::format("{}: {}", name, text));
    };
    const auto solution =
        solveBlock(layers, optionsOf(nlohmann::json::parse(request.parameters), joint), services);
    call.throwIfCancelled();
    if (!solution)
        throw PluginError(QS_FAILED, solution.error().message);
    for (std::size_t l = 0; l < layers.size(); ++l) {
        std::copy(solution->codes[l].begin(), solution->codes[l].end(), call.result().codes[l]);
        if (solution->activationScales[l] > 0)
            call.result().activation_scales[l] = solution->activationScales[l];
    }
    call.log(
        QS_LOG_INFO,
        solution->keptNearest
            ? fmt::format("{}: nearest rounding stays, loss {:.4g} (learned {:.4g})", name,
                          solution->nearestLoss, solution->learnedLoss)
            : fmt::format("{}: loss {:.4g}, with nearest rounding {:.4g}; {:.0f} % of the weights decided",
                          name, solution->learnedLoss, solution->nearestLoss, 100 * solution->binaryShare));
}

constexpr const char *kCost =
    "iterations · (forward + backward of the block); samples · values between blocks";

} // namespace

PluginMethodInfo Brecq::info() {
    PluginMethodInfo info;
    info.id = "brecq";
    info.name = "BRECQ";
    info.summary =
        "Learns for all weights of a block together whether to round up or down, so that the output of "
        "the block stays; then the steps of its activations. Squared error, without Fisher weights.";
    info.paper = "Li et al. 2021, arXiv:2102.05426";
    info.tags = "rounding,activation,optimisation,weight-activation,block";
    info.parameters = kBrecqParameters;
    info.status = QS_PAPER_FORMULA;
    info.cost = kCost;
    return info;
}

void Brecq::plan(const char *parameters, qs_block_plan &plan) {
    planFor(parameters, plan);
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
    planFor(parameters, plan);
}

void QDrop::reconstruct(const BlockCall &call) {
    reconstructWith(call, "QDrop", true);
}

} // namespace qs
