#include "plugins/rounding/spqr.h"

#include "plugins/rounding/solver_call.h"
#include "plugins/rounding/spqr_solver.h"

#include <fmt/format.h>

namespace qs {
namespace {

constexpr const char *kParameters = R"({
  "type": "object",
  "properties": {
    "outlier_threshold": {
      "type": "number", "title": "Outlier threshold", "default": 0.2, "minimum": 0, "maximum": 1e9,
      "description": "Weights whose rounding would cost more are kept in float16, in units of the mean variance of a column weighted by its sensitivity. 0 keeps all, 1e9 none."},
    "leave_one_out": {
      "type": "boolean", "title": "Grids without outliers", "default": true,
      "description": "Looks for weights without which the grid of their group would be much finer, and leaves them out of it."},
    "damping": {
      "type": "number", "title": "Damping", "default": 1.0, "minimum": 1e-6, "maximum": 1e4,
      "description": "Share of the mean diagonal of the Hessian that is added to its diagonal. The authors use 1 here, where GPTQ uses 0.01."},
    "act_order": {
      "type": "boolean", "title": "Order by activation", "default": true,
      "description": "Rounds the inputs with the largest energy first; groups follow that order. Not for groups in convolutions with groups."},
    "grid_bits": {
      "type": "integer", "title": "Bits of scales and zero points", "default": 3, "minimum": 2, "maximum": 8,
      "description": "Scales and zero points are codes themselves, on float16 grids that some rows share."},
    "grid_rows": {
      "type": "integer", "title": "Rows of a second-level grid", "default": 16, "minimum": 1, "maximum": 128,
      "description": "Neighbouring rows whose scales (and zero points) of one group share a grid."}
  }
})";

SpqrOptions optionsOf(const qs_quantize_request &request) {
    const nlohmann::json json = parametersOf(request);
    SpqrOptions options;
    options.outlierThreshold = json.at("outlier_threshold");
    options.leaveOneOut = json.at("leave_one_out");
    options.damping = json.at("damping");
    // Groups that follow the order of each convolution group could not be stored.
    options.actOrder = json.at("act_order") && !(request.parts > 1 && request.granularity == QS_PER_GROUP);
    options.gridBits = json.at("grid_bits");
    options.gridRows = json.at("grid_rows");
    return options;
}

} // namespace

PluginMethodInfo Spqr::info() {
    PluginMethodInfo info;
    info.id = "spqr";
    info.name = "SpQR";
    info.summary =
        "GPTQ on small groups whose scales and zero points are quantized, too; the costliest weights stay "
        "in float16. Meant for groups of 16.";
    info.paper = "Dettmers et al. 2023, arXiv:2306.03078";
    info.tags = "rounding,grid,compensation,sparse,hessian,weight-only";
    info.parameters = kParameters;
    info.needs = QS_NEEDS_HESSIAN;
    info.status = QS_PAPER_FORMULA;
    info.cost = "d^3/3 + m d^2 + m d; d^2 doubles";
    info.stores = QS_STORES_REAL_ZERO_POINTS | QS_STORES_OUTLIERS;
    return info;
}

std::string Spqr::refusal(const qs_quantize_request &request) {
    if (request.convention != QS_ASYMMETRIC)
        return "SpQR has real zero points; choose the asymmetric convention";
    return refusePerTensor(request, "SpQR fits small groups");
}

void Spqr::quantize(const PluginCall &call) {
    const SpqrResult result =
        valueOrThrow(call, solveSpqr(weightsOf(call), schemeOf(call.request()), hessianOf(call),
                                     optionsOf(call.request()), servicesOf(call, "SpQR")));
    store(call, result.layer);
    store(call, result.outliers);
    call.result().scale_bits = call.result().zero_point_bits = result.gridBits;
    call.log(QS_LOG_INFO, fmt::format("SpQR: {} of {} weights are kept in float16",
                                      result.outliers.elements.size(), result.layer.codes.size()));
}

} // namespace qs
