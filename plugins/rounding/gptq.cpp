#include "plugins/rounding/gptq.h"

#include "plugins/rounding/gptq_solver.h"
#include "plugins/rounding/solver_call.h"

#include <fmt/format.h>

namespace qs {
namespace {

constexpr const char *kParameters = R"({
  "type": "object",
  "properties": {
    "act_order": {
      "type": "boolean", "title": "Order by activation", "default": false,
      "description": "Rounds the inputs with the largest energy first. Often better at 2 and 3 bit."},
    "static_groups": {
      "type": "boolean", "title": "Static groups", "default": false,
      "description": "Fits the grids of all groups before rounding, so that ordering by activation keeps groups of neighbouring columns."},
    "damping": {
      "type": "number", "title": "Damping", "default": 0.01, "minimum": 1e-6, "maximum": 1e4,
      "description": "Share of the mean diagonal of the Hessian that is added to its diagonal. Large values approach round-to-nearest."},
    "block_size": {
      "type": "integer", "title": "Block size", "default": 128, "minimum": 1, "maximum": 1024,
      "description": "Columns that the authors' code rounds between two updates of the rest. Changes results only together with reference_compat."},
    "keep_best": {
      "type": "boolean", "title": "Keep the better rows", "default": false,
      "description": "Keeps round-to-nearest in the rows where it has the smaller error."},
    "reference_compat": {
      "type": "boolean", "title": "As the authors' code", "default": false,
      "description": "Fits group grids on weights that lack the updates from within the block, and row grids before dead inputs are zeroed."}
  }
})";

GptqOptions optionsOf(const qs_quantize_request &request) {
    const nlohmann::json json = parametersOf(request);
    const SliceScheme scheme = schemeOf(request);
    GptqOptions options;
    options.grid = scheme.sharing;
    options.groupSize = scheme.groupSize;
    options.range = scheme.range;
    options.rounding = scheme.rounding;
    options.actOrder = json.at("act_order");
    options.staticGroups = json.at("static_groups");
    options.damping = json.at("damping");
    options.blockSize = json.value("block_size", options.blockSize);
    options.keepBest = json.at("keep_best");
    options.referenceCompat = json.value("reference_compat", false);
    return options;
}

GptqResult buffersOf(const PluginCall &call, bool perTensor) {
    const qs_quantize_request &request = call.request();
    const qs_quantize_result &result = call.result();
    const auto cols = static_cast<std::size_t>(request.cols);
    const auto codes = static_cast<std::size_t>(request.rows) * cols;
    const auto slices = perTensor ? 1 : static_cast<std::size_t>(request.rows * request.groups_per_row);
    return {{result.codes, codes},
            {result.scales, slices},
            {result.zero_points, slices},
            {result.group_of_column, cols}};
}

} // namespace

PluginMethodInfo Gptq::info() {
    PluginMethodInfo info;
    info.id = "gptq";
    info.name = "GPTQ";
    info.summary =
        "Rounds column by column and spreads each error over the columns that follow, weighted by the "
        "correlation of the inputs.";
    info.paper = "Frantar et al. 2022, arXiv:2210.17323";
    info.tags = "rounding,compensation,hessian,weight-only";
    info.parameters = kParameters;
    info.needs = QS_NEEDS_HESSIAN;
    info.status = QS_REFERENCE_CHECKED;
    info.cost = "d^3/3 + m d^2; d^2 doubles + 2 m d floats";
    return info;
}

std::string Gptq::refusal(const qs_quantize_request &request) {
    const GptqOptions options = optionsOf(request);
    const bool ordersGroups =
        options.grid == GridSharing::PerGroup && options.actOrder && !options.staticGroups;
    if (ordersGroups && options.keepBest)
        return "keep_best compares with groups of neighbouring columns; with act_order it needs "
               "static_groups";
    if (ordersGroups && request.parts > 1)
        return "act_order would group the columns of each convolution group differently; add static_groups";
    return {};
}

void Gptq::quantize(const PluginCall &call) {
    quantizeWithGptq(call, "GPTQ");
}

void quantizeWithGptq(const PluginCall &call, const char *name) {
    const GptqOptions options = optionsOf(call.request());
    const GptqReport report =
        valueOrThrow(call, solveGptq(weightsOf(call), hessianOf(call), options, servicesOf(call, name),
                                     buffersOf(call, options.grid == GridSharing::PerTensor)));
    if (report.deadColumns > 0)
        call.log(QS_LOG_INFO,
                 fmt::format("{}: {} of {} inputs were 0 in the whole calibration; their weights became 0",
                             name, report.deadColumns, call.request().cols));
}

} // namespace qs
