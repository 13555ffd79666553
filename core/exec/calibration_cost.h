#pragma once

#include "core/base/finding.h"

#include <cstdint>

namespace qs {

/// What calibrating took, for one job or for one step of it.
struct CalibrationCost {
    std::int64_t limit = 0;     ///< bytes; 0 = none was set
    std::int64_t peakBytes = 0; ///< most that was held at once, as CaptureOptions::memoryLimit counts; 0
                                ///< without a limit
    std::int64_t groups = 0;    ///< of layers, whose Hessians were held one after the other; 0 = all at once
    std::int64_t passes = 0;    ///< over the calibration set, through the model or its front

    /// Of steps that follow each other.
    void add(const CalibrationCost &next);
    /// "Calibration held at most 7.2 MiB (limit 8.0 MiB), in 1 pass".
    std::string text() const;
    /// Says so where groups were needed. \param where  whose calibration
    void tellGroups(const std::string &where, FindingList &findings) const;
};

} // namespace qs
