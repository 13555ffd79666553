#include "plugins/rounding/scale_refit.h"

#include "plugins/rounding/grid_refit.h"
#include "plugins/rounding/row_errors.h"
#include "plugins/rounding/solver_call.h"

namespace qs {
namespace {

LayerCodes nearestCodes(const PluginCall &call, const SolverServices &services) {
    LayerGrids grids = valueOrThrow(call, fitGrids(weightsOf(call), schemeOf(call.request()), services));
    return valueOrThrow(call, roundToNearest(weightsOf(call), std::move(grids), services));
}

} // namespace

PluginMethodInfo ScaleRefit::info() {
    PluginMethodInfo info;
    info.id = "scale-refit";
    info.name = "Nearest, scales refitted";
    info.summary = "Rounds to nearest, then solves for the scales that leave the smallest output error with "
                   "those codes. Never worse than rounding to nearest.";
    info.paper = "Jeon et al. 2023, arXiv:2212.04780 (closed form of its learned step)";
    info.tags = "grid,optimisation,hessian,weight-only";
    info.needs = QS_NEEDS_HESSIAN;
    info.status = QS_REFERENCE_CHECKED;
    info.cost = "m d^2; d^2 + 2 m d floats";
    return info;
}

std::string ScaleRefit::refusal(const qs_quantize_request &request) {
    return refusePerTensor(request, "every row has scales of its own to solve for");
}

void ScaleRefit::quantize(const PluginCall &call) {
    const SolverServices services = servicesOf(call, "Scale refit");
    const auto hessian = hessianOf(call);
    if (const Status valid = checkHessian(hessian, services); !valid)
        throw PluginError(QS_INVALID_ARGUMENT, valid.error().message);
    const LayerCodes nearest = nearestCodes(call, services);
    LayerCodes refitted = nearest;
    refitted.grids = valueOrThrow(call, refitGrids(weightsOf(call), nearest, hessian, false, services));
    // Scales are rounded to be stored, and float32 sums are not exact: rows that lost by that go back.
    auto errors = valueOrThrow(call, rowErrors(weightsOf(call), refitted, hessian, services));
    keepBetterRows(refitted, errors, nearest,
                   valueOrThrow(call, rowErrors(weightsOf(call), nearest, hessian, services)));
    store(call, refitted);
}

PluginMethodInfo Udfc::info() {
    PluginMethodInfo info;
    info.id = "udfc";
    info.name = "UDFC self-scale";
    info.summary = "Rounds to nearest, then gives each channel the scale that brings it nearest to its float "
                   "weights. Without data. The paper's compensation of pruned channels is not included.";
    info.paper = "Bai et al. 2023, arXiv:2308.07209 (quantization part, equations reconstructed)";
    info.tags = "grid,optimisation,data-free,weight-only";
    info.status = QS_EXPERIMENTAL;
    info.cost = "m d";
    return info;
}

std::string Udfc::refusal(const qs_quantize_request &request) {
    return refusePerTensor(request, "every channel gets a scale of its own");
}

void Udfc::quantize(const PluginCall &call) {
    const SolverServices services = servicesOf(call, "UDFC");
    LayerCodes layer = nearestCodes(call, services);
    layer.grids = valueOrThrow(call, fitScalesToWeights(weightsOf(call), layer, services));
    store(call, layer);
}

} // namespace qs
