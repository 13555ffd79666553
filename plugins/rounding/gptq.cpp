#include "plugins/rounding/gptq.h"

#include "plugins/rounding/gptq_solver.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

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
    const auto json = nlohmann::json::parse(request.parameters);
    GptqOptions options;
    options.grid = request.granularity == QS_PER_TENSOR    ? GptqGrid::PerTensor
                   : request.granularity == QS_PER_CHANNEL ? GptqGrid::PerRow
                                                           : GptqGrid::PerGroup;
    options.groupSize = request.group_size;
    options.range = {request.lowest_code, request.highest_code};
    options.rounding = request.rounding == QS_ROUND_HALF_AWAY ? RoundingMode::HalfAway
                       : request.rounding == QS_ROUND_FLOOR   ? RoundingMode::Floor
                                                              : RoundingMode::HalfEven;
    options.actOrder = json.at("act_order");
    options.staticGroups = json.at("static_groups");
    options.damping = json.at("damping");
    options.blockSize = json.at("block_size");
    options.keepBest = json.at("keep_best");
    options.referenceCompat = json.at("reference_compat");
    return options;
}

SolverServices servicesOf(const PluginCall &call) {
    SolverServices services;
    services.fitGrid = [&call](std::span<const float> values) {
        const PluginGrid grid = call.fitGrid(values.data(), static_cast<std::int64_t>(values.size()));
        return ScaleZero{grid.scale, grid.zeroPoint};
    };
    services.cancelled = [&call] { return call.cancelled(); };
    services.progress = [&call](std::int64_t done, std::int64_t total, const char *stage) {
        call.progress(done, total, stage);
    };
    services.warn = [&call](const std::string &text) { call.log(QS_LOG_WARNING, "GPTQ: " + text); };
    services.maxThreads = call.maxThreads();
    return services;
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
    info.tags = "rounding,hessian";
    info.parameters = kParameters;
    info.needs = QS_NEEDS_HESSIAN;
    info.status = QS_REFERENCE_CHECKED;
    return info;
}

std::string Gptq::refusal(const qs_quantize_request &request) {
    const GptqOptions options = optionsOf(request);
    const bool ordersGroups = options.grid == GptqGrid::PerGroup && options.actOrder && !options.staticGroups;
    if (ordersGroups && options.keepBest)
        return "keep_best compares with groups of neighbouring columns; with act_order it needs "
               "static_groups";
    if (ordersGroups && request.parts > 1)
        return "act_order would group the columns of each convolution group differently; add static_groups";
    return {};
}

void Gptq::quantize(const PluginCall &call) {
    const qs_quantize_request &request = call.request();
    const GptqOptions options = optionsOf(request);
    const auto report =
        solveGptq({request.weights, request.rows, request.cols}, {call.hessian(), request.cols, request.cols},
                  options, servicesOf(call), buffersOf(call, options.grid == GptqGrid::PerTensor));
    call.throwIfCancelled();
    if (!report)
        throw PluginError(QS_INVALID_ARGUMENT, report.error().message);
    if (report->deadColumns > 0)
        call.log(QS_LOG_INFO,
                 fmt::format("GPTQ: {} of {} inputs were 0 in the whole calibration; their weights became 0",
                             report->deadColumns, request.cols));
}

} // namespace qs
