#include "plugins/branch/alternating_methods.h"

#include "plugins/branch/branch_call.h"
#include "plugins/branch/branch_objective.h"
#include "plugins/support/method_call.h"

#include <fmt/format.h>

namespace qs {
namespace {

constexpr const char *kSvdQuantParameters = R"({
  "type": "object",
  "properties": {
    "rank": {
      "type": "integer", "title": "Rank", "default": 32, "minimum": 1, "maximum": 256,
      "description": "Inner size of the branch; at most the smaller side of the weight."},
    "iterations": {
      "type": "integer", "title": "Iterations", "default": 100, "minimum": 1, "maximum": 1000,
      "description": "At most; 1 is the method of the paper, more is the refinement of its code. Ends when the error rises; the best is kept."}
  }
})";

constexpr const char *kLqLoraParameters = R"({
  "type": "object",
  "properties": {
    "rank": {
      "type": "integer", "title": "Rank", "default": 64, "minimum": 1, "maximum": 256,
      "description": "Inner size of the branch; at most the smaller side of the weight."},
    "iterations": {
      "type": "integer", "title": "Iterations", "default": 100, "minimum": 1, "maximum": 1000,
      "description": "At most; ends when the error rises and keeps the iterate before."}
  }
})";

void run(const BranchCall &call, const BranchObjective &objective, const char *name) {
    const int iterations = parametersOf(call.request()).at("iterations");
    const BranchFit fit =
        valueOrThrow(call, alternateBranch(problemOf(call), iterations, objective, servicesOf(call, name)));
    reportDecomposition(call, name);
    call.log(QS_LOG_INFO,
             fmt::format("{}: iteration {} of {} was the best, error {:.4g} after {:.4g}", name, fit.best + 1,
                         fit.objective.size(), fit.objective[fit.best], fit.objective.front()));
    store(call, fit);
}

/// The inputs, if the recipe rounds them on their way to the codes.
bool hasRoundedInputs(const BranchCall &call, qs_inputs &inputs) {
    try {
        inputs = call.inputs();
    } catch (const PluginError &error) {
        if (error.status() != QS_NOT_FOUND)
            throw;
        return false;
    }
    return !std::equal(inputs.values, inputs.values + inputs.tokens * inputs.cols, inputs.quantized);
}

} // namespace

PluginMethodInfo SvdQuant::info() {
    PluginMethodInfo info;
    info.id = "svdquant";
    info.name = "SVDQuant";
    info.summary =
        "A low-rank branch in float16 takes the leading part of the weight, outliers included; the "
        "codes take the rest. Smoothing comes before it as a transform of its own; every layer has "
        "its own branch, also where layers share an input.";
    info.paper = "Li et al. 2024, SVDQuant, arXiv:2411.05007";
    info.tags = "branch,low-rank,weight-activation";
    info.parameters = kSvdQuantParameters;
    info.needs = QS_NEEDS_HESSIAN | QS_NEEDS_INPUTS;
    info.status = QS_REFERENCE_CHECKED;
    info.cost = "T (SVD + n m d or m d^2); 4 m d doubles";
    return info;
}

void SvdQuant::decompose(const BranchCall &call) {
    const MatrixView<const float> weights = weightsOf(call);
    const SolverServices services = servicesOf(call, "SVDQuant");
    qs_inputs inputs{};
    if (hasRoundedInputs(call, inputs))
        run(call,
            outputObjective(weights, {inputs.values, inputs.tokens, inputs.cols},
                            {inputs.quantized, inputs.tokens, inputs.cols}, services),
            "SVDQuant");
    else
        run(call, hessianObjective(weights, hessianOf(call), services), "SVDQuant");
}

PluginMethodInfo LqLora::info() {
    PluginMethodInfo info;
    info.id = "lq-lora";
    info.name = "LQ-LoRA decomposition";
    info.summary =
        "Low-rank branch and codes in turn, each fitting what the other leaves, without data. Uses "
        "the quantizer of the recipe (the authors': NormalFloat). No Fisher weights, no allocation "
        "of bits.";
    info.paper = "Guo et al. 2023, LQ-LoRA, arXiv:2311.12023";
    info.tags = "branch,low-rank,optimisation,weight-only,data-free";
    info.parameters = kLqLoraParameters;
    info.status = QS_REFERENCE_CHECKED;
    info.cost = "T SVD; 4 m d doubles";
    return info;
}

void LqLora::decompose(const BranchCall &call) {
    run(call, weightObjective(weightsOf(call), servicesOf(call, "LQ-LoRA")), "LQ-LoRA");
}

} // namespace qs
