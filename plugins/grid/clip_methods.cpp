#include "plugins/grid/clip_methods.h"

#include "plugins/grid/clip_search.h"
#include "plugins/support/method_call.h"

namespace qs {
namespace {

constexpr const char *kOmniQuantParameters = R"({
  "type": "object",
  "properties": {
    "search": {
      "type": "string", "enum": ["pairs", "in_turn"], "title": "Search", "default": "pairs",
      "description": "pairs: every pair of factors for the lower and the upper end. in_turn: one end at a time until neither helps; about three times faster."},
    "steps": {
      "type": "integer", "title": "Steps", "default": 51, "minimum": 2, "maximum": 201,
      "description": "Factors between 1 and the smallest."},
    "smallest": {
      "type": "number", "title": "Smallest factor", "default": 0.5, "minimum": 0.1, "maximum": 1.0,
      "description": "The range may shrink to this share of itself at either end."}
  }
})";

constexpr const char *kAwqParameters = R"({
  "type": "object",
  "properties": {
    "steps": {
      "type": "integer", "title": "Steps", "default": 20, "minimum": 1, "maximum": 200,
      "description": "The largest magnitude shrinks in steps of one part of this many."},
    "largest_shrink": {
      "type": "number", "title": "Largest shrink", "default": 0.5, "minimum": 0.0, "maximum": 0.95,
      "description": "Magnitudes are tried from the largest weight down to this share less."}
  }
})";

ClipGridOptions gridOf(const qs_quantize_request &request) {
    return {request.bits, conventionOf(request.convention), roundingOf(request),
            request.scale_as_float16 != 0};
}

std::string refuseOneScale(const qs_quantize_request &request) {
    return request.granularity == QS_PER_TENSOR
               ? "clips rows or groups, each by its own error; choose per channel or per group"
               : "";
}

void runSearch(const PluginCall &call, const ClipStrategy &strategy, const char *name) {
    const ClipResult found =
        valueOrThrow(call, searchClips(weightsOf(call), slicesOf(call.request()), hessianOf(call),
                                       gridOf(call.request()), strategy, servicesOf(call, name)));
    std::copy(found.scales.begin(), found.scales.end(), call.result().scales);
    std::copy(found.zeroPoints.begin(), found.zeroPoints.end(), call.result().zero_points);
    std::copy(found.codes.begin(), found.codes.end(), call.result().codes);
}

} // namespace

PluginMethodInfo OmniQuantClip::info() {
    PluginMethodInfo info;
    info.id = "omniquant-lwc";
    info.name = "OmniQuant LWC (search)";
    info.summary =
        "Shrinks both ends of the range of each row or group until the output error of that row or "
        "group is smallest. The factors are searched, not learned through a block by gradients.";
    info.paper = "Shao et al. 2023, OmniQuant, arXiv:2308.13137";
    info.tags = "grid,search,weight-only,hessian";
    info.parameters = kOmniQuantParameters;
    info.needs = QS_NEEDS_HESSIAN;
    info.status = QS_PAPER_FORMULA;
    info.cost =
        "75 m d g + 2601 m d for all pairs (g = d per channel), a third in turn; 5 g doubles a thread";
    return info;
}

std::string OmniQuantClip::refusal(const qs_quantize_request &request) {
    return refuseOneScale(request);
}

void OmniQuantClip::quantize(const PluginCall &call) {
    const auto json = parametersOf(call.request());
    const FactorSearch search{json.at("steps"), json.at("smallest"), json.at("search") == "pairs"};
    runSearch(call, factorStrategy(search, gridOf(call.request()), [&call] { return call.cancelled(); }),
              "OmniQuant LWC");
}

PluginMethodInfo AwqClip::info() {
    PluginMethodInfo info;
    info.id = "awq-clip";
    info.name = "AWQ clip search";
    info.summary = "Clips each row or group at the magnitude with the smallest output error. The error comes "
                   "from the Hessian of all calibration tokens; ranges always hold 0. The authors leave the "
                   "query and key projections unclipped.";
    info.paper = "Lin et al. 2023, AWQ, arXiv:2306.00978 (auto_clip)";
    info.tags = "grid,search,weight-only,hessian";
    info.parameters = kAwqParameters;
    info.needs = QS_NEEDS_HESSIAN;
    info.status = QS_REFERENCE_CHECKED;
    info.cost = "about 3 m d g (g = d per channel); 5 g doubles a thread";
    return info;
}

std::string AwqClip::refusal(const qs_quantize_request &request) {
    return refuseOneScale(request);
}

void AwqClip::quantize(const PluginCall &call) {
    const auto json = parametersOf(call.request());
    runSearch(
        call,
        magnitudeStrategy(json.at("steps"), json.at("largest_shrink"), [&call] { return call.cancelled(); }),
        "AWQ clip search");
}

} // namespace qs
