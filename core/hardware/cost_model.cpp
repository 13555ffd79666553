#include "core/hardware/cost_model.h"

#include <fmt/format.h>

namespace qs {
namespace {

Result<std::optional<Roof>> roofOf(const OperatorWork &work, const HardwareProfile &hardware) {
    if (work.forcedRoof) {
        const auto rate = hardware.peak(*work.forcedRoof);
        if (!rate)
            return fail(ErrorCode::Unsupported,
                        fmt::format("{} has no {} rate, which compatible mode needs here. Turn it off: "
                                    "the next wider type is used then.",
                                    hardware.name, computeTypeName(*work.forcedRoof)));
        return std::optional(Roof{*work.forcedRoof, *rate});
    }
    if (!work.matrix)
        return hardware.vectorRoof();
    const auto roof = hardware.matrixRoof(work.leftBits, work.rightBits);
    if (!roof)
        return fail(ErrorCode::Unsupported,
                    fmt::format("{} has no rate for operands of {:g} and {:g} bit, nor for a wider type. "
                                "Choose narrower weights "
                                "and activations, or another device.",
                                hardware.name, work.leftBits, work.rightBits),
                    work.name);
    return roof;
}

OperatorCost costOf(const OperatorWork &work, std::optional<Roof> roof, const HardwareProfile &hardware,
                    const DeviceUse &use) {
    OperatorCost cost;
    cost.work = work;
    cost.roof = roof;
    cost.bytesPerSecond = hardware.bytesPerSecond * use.bandwidthEfficiency;
    const double moving = work.bytes.total() / cost.bytesPerSecond;
    double computing = 0;
    if (cost.roof) {
        cost.roof->operationsPerSecond *= use.computeEfficiency;
        computing = work.operations / cost.roof->operationsPerSecond;
    }
    const double once = std::max(computing, moving) + use.overheadSeconds;
    cost.bound = computing >= moving && work.operations > 0 ? Bound::Compute : Bound::Memory;
    cost.intensity = work.bytes.total() > 0 ? work.operations / work.bytes.total() : 0;
    cost.operationsPerSecond = once > 0 ? work.operations / once : 0;
    cost.seconds = work.repeats * once;
    return cost;
}

} // namespace

const char *boundName(Bound bound) {
    return bound == Bound::Memory ? "memory" : "compute";
}

Status DeviceUse::check() const {
    for (const double share : {computeEfficiency, bandwidthEfficiency, memoryShare})
        if (!(share > 0 && share <= 1))
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("an efficiency is {:g}, but must be above 0 and at most 1.", share));
    if (!(overheadSeconds >= 0 && overheadSeconds <= 1))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("the overhead is {:g} s, but must lie between 0 and 1 s.", overheadSeconds));
    return {};
}

Result<Roofline> costOnDevice(const Workload &workload, const HardwareProfile &hardware,
                              const DeviceUse &use) {
    QS_CHECK_OK(use.check());
    Roofline result;
    result.name = workload.name;
    result.memory = workload.memory;
    result.parameters = workload.parameters;
    result.averageWeightBits = workload.averageWeightBits;
    result.notes = workload.notes;
    bool withoutRoof = false;
    for (const OperatorWork &work : workload.operators) {
        QS_TRY(const std::optional<Roof> roof, roofOf(work, hardware));
        withoutRoof = withoutRoof || (!roof && work.operations > 0);
        OperatorCost cost = costOf(work, roof, hardware, use);
        result.operations += work.repeats * work.operations;
        result.seconds += cost.seconds;
        result.bytes += work.bytes * work.repeats;
        result.secondsByKind[static_cast<std::size_t>(work.kind)] += cost.seconds;
        if (cost.bound == Bound::Compute)
            result.computeBoundSeconds += cost.seconds;
        result.operators.push_back(std::move(cost));
    }
    if (withoutRoof)
        result.notes.push_back(fmt::format(
            "{} names no fp32 rate: operators other than matrix products are timed by their bytes "
            "alone.",
            hardware.name));
    return result;
}

Result<LargestFit> largestThatFits(const CostSource &source, WorkloadRequest request, FitDimension dimension,
                                   double usableBytes, const RunContext &ctx) {
    std::int64_t &value = dimension == FitDimension::Batch ? request.batch : request.sequence;
    const std::int64_t asked = value, limit = dimension == FitDimension::Batch ? kMostBatch : kMostSequence;
    bool refused = false; // the smallest value that did not fit is one that the model does not take
    const auto fits = [&](std::int64_t candidate) -> Result<bool> {
        value = candidate;
        const auto workload = source.workload(request, ctx);
        if (!workload && workload.error().code == ErrorCode::InvalidArgument && candidate > asked) {
            refused = true; // such as a table of positions that ends
            return false;
        }
        if (!workload)
            return fail(workload.error());
        const bool small = workload->memory.total() <= usableBytes;
        refused = small && refused;
        return small;
    };
    // Memory grows with either, so the border is found by doubling, then halving.
    std::int64_t fitting = 0, tooLarge = limit + 1;
    for (std::int64_t step = 1; fitting < limit && tooLarge > limit; step = std::min(2 * step, limit)) {
        QS_TRY(const bool yes, fits(step));
        (yes ? fitting : tooLarge) = step;
    }
    while (fitting + 1 < tooLarge && tooLarge <= limit) {
        const std::int64_t middle = fitting + (tooLarge - fitting) / 2;
        QS_TRY(const bool yes, fits(middle));
        (yes ? fitting : tooLarge) = middle;
    }
    return LargestFit{fitting, fitting == limit, refused};
}

} // namespace qs
