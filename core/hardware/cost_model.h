#pragma once

#include "core/base/finding.h"
#include "core/hardware/hardware_profile.h"
#include "core/hardware/workload.h"

namespace qs {

/// What limits an operator.
enum class Bound { Memory, Compute };
const char *boundName(Bound bound); ///< "memory"

/// How well a device is used.
struct DeviceUse {
    double computeEfficiency = 1;   ///< share of the peak rate that kernels reach, (0, 1]
    double bandwidthEfficiency = 1; ///< share of the bandwidth, (0, 1]
    double overheadSeconds = 0;     ///< launching one operator
    double memoryShare = 0.9;       ///< of the capacity that is usable, (0, 1]

    /// \error InvalidArgument  out of range
    Status check() const;
};

/// One operator on a device. Times are of all its repeats.
struct OperatorCost {
    OperatorWork work;
    std::optional<Roof> roof;       ///< with the efficiency put in; nothing: the device names no such rate
    double bytesPerSecond = 0;      ///< with the efficiency put in
    double intensity = 0;           ///< operations per byte
    double operationsPerSecond = 0; ///< reached
    double seconds = 0;
    Bound bound = Bound::Memory;

    /// Operations per byte at which the roof is reached; 0 without a roof.
    double ridge() const { return roof ? roof->operationsPerSecond / bytesPerSecond : 0; }
};

/// A pass on a device.
struct Roofline {
    std::string name; ///< of the precision
    std::vector<OperatorCost> operators;
    double operations = 0, seconds = 0;
    Traffic bytes;
    std::array<double, kOperatorKinds> secondsByKind{};
    double computeBoundSeconds = 0;
    MemoryUse memory;
    double parameters = 0, averageWeightBits = 0;
    std::vector<std::string> notes;
};

/// time = max(operations / rate, bytes / bandwidth) + overhead per operator; operators do not overlap.
/// \error Unsupported  the device has no rate for the widths of a matrix operation; names both
/// \source roofline specification B.2
Result<Roofline> costOnDevice(const Workload &workload, const HardwareProfile &hardware,
                              const DeviceUse &use);

/// The largest batch (or sequence) with which everything else of the request still fits.
struct LargestFit {
    std::int64_t value = 0; ///< 0: not even one
    bool atLimit = false;   ///< the search ended at kMostBatch or kMostSequence
    bool byModel = false;   ///< the model does not take more, however large the memory
};
enum class FitDimension { Batch, Sequence };
/// \param usableBytes  of the device's memory
/// \error as CostSource::workload
Result<LargestFit> largestThatFits(const CostSource &source, WorkloadRequest request, FitDimension dimension,
                                   double usableBytes, const RunContext &ctx);

} // namespace qs
