#include "plugins/transform/rotation.h"

#include "plugins/transform/rotation_matrix.h"
#include "plugins/transform/site_request.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace qs {
namespace {

const std::string kMatrixParameters = R"({"type": "object", "properties": {
    "matrix": {
      "type": "string", "title": "Matrix", "enum": ["hadamard", "orthogonal"], "default": "hadamard",
      "description": "hadamard: a Hadamard matrix with random signs, cheap to apply at run time. orthogonal: uniformly random, for any width, a full product at run time."},
    "block": {
      "type": "integer", "title": "Block", "default": 0, "minimum": 0, "maximum": 65536,
      "description": "Order of the Hadamard blocks on the diagonal; it must divide the width. 0: the largest that fits."})";

const std::string kParameters = kMatrixParameters + "}}";

const std::string kResidualParameters = kMatrixParameters + R"(,
    "online": {
      "type": "string", "title": "While the model runs", "enum": ["none", "mlp", "all"], "default": "none",
      "description": "Hadamard rotations that stay in the model as operators, which the exported file holds as matrix products. mlp: of what enters the down projections, whose outliers the residual stream does not know. all: of what enters the output projections of attention, too."}
  }})";

constexpr const char *kPaper = "Ashkboos et al. 2024 (QuaRot), arXiv:2404.00456";

void rotate(const TransformCall &call) {
    const qs_transform_request &request = call.request();
    const auto parameters = parametersOf(request);
    const TransformServices services = transformServicesOf(call, "Rotation");
    // What stays in the model is always cheap.
    const bool online = parameters.contains("online") && request.consumer_count > 0;
    const std::int64_t block = online ? 0 : parameters.at("block").get<std::int64_t>();
    const bool hadamard = online || parameters.at("matrix") == "hadamard";
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
    info.parameters = kParameters.c_str();
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
        "weights, and on request what enters its output and down projections while the model runs. Keys are "
        "not rotated.";
    info.paper = kPaper;
    info.tags = "transform,rotation,weight-activation,activation,outliers,data-free,transformer";
    info.parameters = kResidualParameters.c_str();
    info.kinds = QS_TRANSFORM_ROTATES | QS_TRANSFORM_RESIDUAL;
    info.status = QS_PAPER_FORMULA;
    info.cost =
        "sum of m d^2 over the layers; at run time nothing, or d log d a token and projection; d^2 doubles";
    return info;
}

std::string ResidualRotation::refusal(const qs_transform_request &request) {
    if (request.consumer_count > 0) {
        const std::string online = parametersOf(request).at("online");
        // The down projection reads a product that the up projection makes; nothing takes a change behind
        // attention.
        const bool wanted = online == "all" || (online == "mlp" && request.producer == QS_PRODUCER_LAYER);
        return wanted ? "" : "it is not to be rotated while the model runs";
    }
    return blockRefusal(request);
}

void ResidualRotation::transform(const TransformCall &call) {
    rotate(call);
}

} // namespace qs
