#include "core/hardware/workload.h"

#include <fmt/format.h>

namespace qs {
namespace {

constexpr double kScaleBits = 16;
constexpr std::array<const char *, 3> kStageNames{"prefill", "decode", "inference"};

/// Bits per value when `group` values share a scale.
double withScale(double bits, std::int64_t group) {
    return bits < 16 && group > 0 ? bits + kScaleBits / static_cast<double>(group) : bits;
}

} // namespace

const char *stageName(Stage stage) {
    return kStageNames[static_cast<std::size_t>(stage)];
}

std::optional<Stage> stageFromName(std::string_view name) {
    for (std::size_t i = 0; i < kStageNames.size(); ++i)
        if (name == kStageNames[i])
            return static_cast<Stage>(i);
    return std::nullopt;
}

const char *operatorKindName(OperatorKind kind) {
    constexpr std::array<const char *, kOperatorKinds> kNames{
        "linear", "convolution", "attention", "softmax", "norm", "elementwise", "embedding", "data movement"};
    return kNames[static_cast<std::size_t>(kind)];
}

Traffic &Traffic::operator+=(const Traffic &other) {
    weights += other.weights;
    activationsIn += other.activationsIn;
    activationsOut += other.activationsOut;
    cacheIn += other.cacheIn;
    cacheOut += other.cacheOut;
    return *this;
}

Traffic Traffic::operator*(double factor) const {
    return {weights * factor, activationsIn * factor, activationsOut * factor, cacheIn * factor,
            cacheOut * factor};
}

PrecisionPlan uniformPlan(std::string name, const UniformPrecision &precision) {
    PrecisionPlan plan;
    plan.name = std::move(name);
    plan.layer = [precision](const WeightSite &site) {
        const std::int64_t group =
            precision.groupSize > 0 ? std::min(precision.groupSize, site.inPerOut) : site.inPerOut;
        return LayerPrecision{precision.weightBits, withScale(precision.weightBits, group),
                              precision.activationBits};
    };
    plan.activationBits = precision.activationBits;
    plan.cacheBits = precision.cacheBits;
    plan.cacheStoredBits = withScale(precision.cacheBits, precision.headDim);
    plan.floatBits = precision.floatBits;
    return plan;
}

Status WorkloadRequest::check() const {
    const auto outOfRange = [](const char *what, auto value, auto least, auto most) {
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{} is {}, but must lie between {} and {}.", what, value, least, most));
    };
    if (batch < 1 || batch > kMostBatch)
        return outOfRange("batch", batch, 1, kMostBatch);
    if (sequence < 1 || sequence > kMostSequence)
        return outOfRange("sequence", sequence, 1, kMostSequence);
    for (const double bits : {plan.activationBits, plan.cacheBits, plan.floatBits})
        if (!(bits >= 1 && bits <= 32))
            return outOfRange("a width in bits", bits, 1, 32);
    return {};
}

} // namespace qs
