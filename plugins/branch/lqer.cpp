#include "plugins/branch/lqer.h"

#include "plugins/branch/branch_call.h"
#include "plugins/support/method_call.h"

namespace qs {
namespace {

constexpr const char *kParameters = R"({
  "type": "object",
  "properties": {
    "rank": {
      "type": "integer", "title": "Rank", "default": 32, "minimum": 1, "maximum": 256,
      "description": "Inner size of the branch; at most the smaller side of the weight."}
  }
})";

PluginMethodInfo commonInfo() {
    PluginMethodInfo info;
    info.paper = "Zhang et al. 2024, LQER, arXiv:2402.02446";
    info.parameters = kParameters;
    info.status = QS_REFERENCE_CHECKED;
    info.cost = "1 SVD: 4 to 10 m d (r + 10) where randomised; 2 m d doubles";
    return info;
}

void run(const BranchCall &call, const Eigen::VectorXd &columnWeights, const char *name) {
    const BranchFit fit =
        valueOrThrow(call, fitErrorBranch(problemOf(call), columnWeights, servicesOf(call, name)));
    reportDecomposition(call, name);
    store(call, fit);
}

} // namespace

PluginMethodInfo Lqer::info() {
    PluginMethodInfo info = commonInfo();
    info.id = "lqer";
    info.name = "LQER";
    info.summary =
        "A low-rank branch beside the codes takes the leading part of their error. Its factors are "
        "stored in float16, not in the 8-bit block format of the authors.";
    info.tags = "branch,low-rank,compensation,weight-only,data-free";
    return info;
}

void Lqer::decompose(const BranchCall &call) {
    run(call, {}, "LQER");
}

PluginMethodInfo L2qer::info() {
    PluginMethodInfo info = commonInfo();
    info.id = "l2qer";
    info.name = "L2QER";
    info.summary =
        "A low-rank branch beside the codes takes their error, most of it where inputs are large. "
        "Means are over the whole calibration, not the largest of its batches; factors in float16.";
    info.tags = "branch,low-rank,compensation,salience,weight-only";
    info.needs = QS_NEEDS_INPUTS;
    return info;
}

void L2qer::decompose(const BranchCall &call) {
    const qs_input_statistics inputs = call.inputStatistics();
    run(call, activationWeights({inputs.mean_magnitude, static_cast<std::size_t>(inputs.count)}), "L2QER");
}

} // namespace qs
