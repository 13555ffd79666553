#include "plugins/rounding/decoupleq.h"

#include "plugins/rounding/decoupleq_solver.h"
#include "plugins/rounding/solver_call.h"

#include <fmt/format.h>

namespace qs {
namespace {

constexpr const char *kParameters = R"({
  "type": "object",
  "properties": {
    "alternations": {
      "type": "integer", "title": "Alternations", "default": 4, "minimum": 1, "maximum": 16,
      "description": "How often codes and grids are improved in turn. Stops earlier when no row improves."},
    "range_candidates": {
      "type": "integer", "title": "Tried ranges", "default": 32, "minimum": 0, "maximum": 160,
      "description": "Ranges between all and a fifth of min-max that are tried for every row before the first alternation. The authors try 160; 0 starts with min-max."},
    "act_order": {
      "type": "boolean", "title": "Order by activation", "default": true,
      "description": "Rounds the inputs with the largest energy first."},
    "damping": {
      "type": "number", "title": "Damping", "default": 0.01, "minimum": 1e-6, "maximum": 1e4,
      "description": "Share of the mean diagonal of the Hessian that is added to its diagonal."},
    "keep_best": {
      "type": "boolean", "title": "Keep the better rows", "default": true,
      "description": "Keeps round-to-nearest in the rows where it has the smaller error."}
  }
})";

DecoupleQOptions optionsOf(const qs_quantize_request &request) {
    const nlohmann::json json = parametersOf(request);
    DecoupleQOptions options;
    options.alternations = json.at("alternations");
    options.rangeCandidates = json.at("range_candidates");
    options.actOrder = json.at("act_order");
    options.damping = json.at("damping");
    options.keepBest = json.at("keep_best");
    if (request.convention == QS_SYMMETRIC_OFFSET)
        options.fixedZero = 1 << (request.bits - 1);
    else if (request.convention != QS_ASYMMETRIC)
        options.fixedZero = 0;
    return options;
}

} // namespace

PluginMethodInfo DecoupleQ::info() {
    PluginMethodInfo info;
    info.id = "decoupleq";
    info.name = "decoupleQ";
    info.summary =
        "Improves codes by error feedback and scales with real offsets by least squares, in turn; strong at "
        "2 bits. Layer by layer: the paper's training of blocks is not done.";
    info.paper = "Guo et al. 2024, arXiv:2404.12759";
    info.tags = "rounding,grid,optimisation,compensation,hessian,weight-only";
    info.parameters = kParameters;
    info.needs = QS_NEEDS_HESSIAN;
    info.status = QS_REFERENCE_CHECKED;
    info.cost = "d^3/3 + (R + 4 K) m d^2 + K (2 G)^3 m; 3 d^2 doubles";
    info.stores = QS_STORES_REAL_ZERO_POINTS;
    return info;
}

std::string DecoupleQ::refusal(const qs_quantize_request &request) {
    return refusePerTensor(request, "decoupleQ solves for the grid of each row");
}

void DecoupleQ::quantize(const PluginCall &call) {
    const DecoupleQOptions options = optionsOf(call.request());
    const DecoupleQResult result =
        valueOrThrow(call, solveDecoupleQ(weightsOf(call), schemeOf(call.request()), hessianOf(call), options,
                                          servicesOf(call, "decoupleQ")));
    store(call, result.layer);
    call.result().zero_point_bits = options.fixedZero ? 0 : call.request().scale_as_float16 ? 16 : 32;
    if (result.rowsKept > 0)
        call.log(QS_LOG_INFO,
                 fmt::format("decoupleQ: {} of {} rows stayed at round-to-nearest, which was better",
                             result.rowsKept, call.request().rows));
}

} // namespace qs
