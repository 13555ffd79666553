#pragma once

#include "core/figure/figure.h"
#include "core/hardware/roofline_study.h"

#include <memory>

namespace qs {

/// Operators of every precision under the device's roofs, log-log; beside them bars of time by kind of
/// operator and of memory. Colours are kinds, shapes are precisions.
std::unique_ptr<Figure> makeRooflineFigure(std::shared_ptr<const RooflineStudy> study);

/// Whole decades around all points and ridges, for the axes of a roofline chart.
struct RooflineRange {
    double leastIntensity = 0.1, mostIntensity = 1000; ///< operations per byte
    double leastRate = 1e9, mostRate = 1e15;           ///< operations per second
};
RooflineRange rooflineRange(const RooflineStudy &study);
/// The roofs that the study's operators use, and which kind of operation each is for: "fp16, matrix".
struct NamedRoof {
    Roof roof; ///< with the efficiency put in
    std::string name;
    bool verified = false;
};
std::vector<NamedRoof> usedRoofs(const RooflineStudy &study);
/// "What is not confirmed by a source: …", or nothing.
std::string unverifiedText(const HardwareProfile &hardware);

} // namespace qs
