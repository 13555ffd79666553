#include "core/exec/calibration_cost.h"

#include "core/exec/capture_memory.h"

#include <algorithm>
#include <fmt/format.h>

namespace qs {

void CalibrationCost::add(const CalibrationCost &next) {
    limit = std::max(limit, next.limit);
    peakBytes = std::max(peakBytes, next.peakBytes);
    groups = std::max(groups, next.groups);
    passes += next.passes;
}

std::string CalibrationCost::text() const {
    return fmt::format("Calibration held at most {} (limit {}), in {} pass{}{}", mebibytes(peakBytes),
                       mebibytes(limit), passes, passes == 1 ? "" : "es",
                       groups > 0 ? fmt::format(": {} groups of layers, one after the other", groups) : "");
}

void CalibrationCost::tellGroups(const std::string &where, FindingList &findings) const {
    if (groups > 0)
        findings.add(Severity::Info, text() + ". Results are the same as without a limit", where);
}

} // namespace qs
