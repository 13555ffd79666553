#pragma once

#include "core/analysis/number_line.h"
#include "core/figure/figure.h"

#include <memory>

namespace qs {

/// What a number line picture shows: values, and formats laid over them.
struct NumberLinePicture {
    std::string title, subtitle, valueName;
    SortedValues values;
    std::vector<NumberLineRow> rows;
};

/// Histogram with a logarithmic count axis; below it, on the same values, a row per format: its code points
/// as ticks, where it clips, and the squared error per bin, all rows on one scale.
std::unique_ptr<Figure> makeNumberLineFigure(NumberLinePicture picture);

} // namespace qs
