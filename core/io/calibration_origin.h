#pragma once

#include "core/io/calibration_set.h"

namespace qs {

/// What the samples of a calibration set are if they are no data ("distilled, not real data"), as its file
/// says in the attribute `origin` of its root; else empty. Kept apart from CalibrationSet, which a hundred
/// files include.
std::string originOf(const CalibrationSet &set);

/// File name and, where there is one, origin: what provenance calls the set.
std::string sourceName(const CalibrationSet &set);

/// Behind originOf(): sets that may know it.
class HasOrigin {
public:
    virtual ~HasOrigin() = default;
    virtual const std::string &origin() const = 0;
};

inline constexpr const char *kOriginAttribute = "origin";

} // namespace qs
