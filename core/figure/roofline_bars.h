#pragma once

#include "core/figure/figure.h"
#include "core/hardware/roofline_study.h"

namespace qs {

/// A part of a stacked bar.
struct BarPart {
    std::string name;
    double value = 0;
    int color = 0; ///< of seriesColor()
};
/// Seconds by kind of operator, kinds that take none left out.
std::vector<BarPart> timeParts(const Roofline &line);
/// Bytes: weights, KV cache, activations.
std::vector<BarPart> memoryParts(const Roofline &line);

/// Two groups of stacked bars, one bar per precision: time and memory, the latter with the device's usable
/// capacity.
void drawRooflineBars(Drawing &drawing, const Rect &area, const RooflineStudy &study,
                      const FigureTheme &theme);

} // namespace qs
