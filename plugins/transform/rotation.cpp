#include "plugins/transform/rotation.h"

#include "plugins/transform/rotation_matrix.h"
#include "plugins/transform/site_request.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace qs {
namespace {

constexpr const char *kParameters = R"({
  "type": "object",
  "properties": {
    "matrix": {
      "type": "string", "title": "Matrix", "enum": ["hadamard", "orthogonal"], "default": "hadamard",
      "description": "hadamard: a Hadamard matrix with random signs, cheap to apply at run time. orthogonal: uniformly random, for any width, a full product at run time."},
    "block": {
      "type": "integer", "title": "Block", "default": 0, "minimum": 0, "maximum": 65536,
      "description": "Order of the Hadamard blocks on the diagonal; it must divide the width. 0: the largest that fits."}
  }
})";

constexpr const char *kPaper = "Ashkboos et al. 2024 (QuaRot), arXiv:2404.00456";

void rotate(const TransformCall &call) {
    const qs_transform_request &request = call.request();
    const auto parameters = parametersOf(request);
    const TransformServices services = transformServicesOf(call, "Rotation");
    const std::int64_t block = parameters.at("block");
    const bool hadamard = parameters.at("matrix") == "hadamard";
    const SquareMatrix matrix = valueOrThrow(
        call, hadamard ? randomizedHadamard(request.channels, block, services.randomBits)
                       : randomOrthogonal(request.channels, services.randomBits, services.cancelled));
    const std::int64_t used = block == 0 ? hadamardBlock(request.channels) : block;
    if (hadamard && used < request.channels)
        call.log(QS_LOG_INFO, fmt::format("Rotation: {} blocks of {} channels are rotated, each alone",
                                          request.channels / used, used));
    std::copy(matrix.data(), matrix.data() + matrix.size(), call.result().matrix);
}

std::string blockRefusal(const qs_transform_request &request) {
    const std::int64_t block = parametersOf(request).at("block");
    if (block > 0 && (request.channels % block != 0 || !hasHadamard(block)))
        return fmt::format("no Hadamard matrix of order {} that divides {} channels; take 2^k, or 0 for the "
                           "largest that fits",
                           block, request.channels);
    return {};
}

} // namespace

PluginMethodInfo Rotation::info() {
    PluginMethodInfo info;
    info.id = "rotation";
    info.name = "Rotation";
    info.summary =
        "Multiplies what enters layers by an orthogonal matrix, so that no channel stands out; the "
        "weights take its inverse.";
    info.paper = kPaper;
    info.tags = "transform,rotation,weight-activation,activation,outliers,data-free";
    info.parameters = kParameters;
    info.kinds = QS_TRANSFORM_ROTATES;
    info.status = QS_REFERENCE_CHECKED;
    info.cost = "m d^2 + d^2 (orthogonal: d^3); at run time d log d a token (orthogonal: d^2); d^2 doubles";
    return info;
}

std::string Rotation::refusal(const qs_transform_request &request) {
    for (std::int64_t index = 0; index < request.consumer_count; ++index)
        if (request.consumers[index].depthwise != 0)
            return fmt::format("'{}' reads every channel alone; channels cannot be mixed before it",
                               request.consumers[index].layer_name);
    return blockRefusal(request);
}

void Rotation::transform(const TransformCall &call) {
    rotate(call);
}

PluginMethodInfo ResidualRotation::info() {
    PluginMethodInfo info;
    info.id = "quarot";
    info.name = "QuaRot (residual stream)";
    info.summary =
        "Rotates the residual stream of a transformer by one orthogonal matrix that disappears into the "
        "weights. The method's further rotations at run time (attention output, down projection, keys) "
        "are not part of it; Rotation does them per tensor.";
    info.paper = kPaper;
    info.tags = "transform,rotation,weight-activation,activation,outliers,data-free,transformer";
    info.parameters = kParameters;
    info.kinds = QS_TRANSFORM_ROTATES | QS_TRANSFORM_RESIDUAL;
    info.status = QS_PAPER_FORMULA;
    info.cost = "sum of m d^2 over the layers; nothing at run time; d^2 doubles";
    return info;
}

std::string ResidualRotation::refusal(const qs_transform_request &request) {
    return blockRefusal(request);
}

void ResidualRotation::transform(const TransformCall &call) {
    rotate(call);
}

} // namespace qs
