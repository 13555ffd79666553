#pragma once

#include "core/numeric/rounding.h"

#include <span>
#include <vector>

namespace qs {

/// The range of a min-max grid with a real zero point.
struct RealRange {
    double lo = 0, hi = 0;

    /// Range of finite values as SpQR has it: not widened to hold 0. One value gives [-1, 1]. Values that lie
    /// further from 0 than their spread are widened until 0 is one range away: a zero point beyond would
    /// spoil those of the rows that it is stored with.
    static RealRange of(double lowest, double highest);
};

/// How much the error of a slice falls when one value is left out of it and of its grid: Σ over all values
/// less Σ over the others on the min-max grid of the others. Only leaving out the smallest or the largest
/// value changes the grid, so the work is a few passes over the slice.
///
/// \param values       finite, at least 2
/// \param sensitivity  [values] weight of each squared error
/// \param steps        code steps that span the range, 2^bits − 1
/// \return [values]
/// \source Dettmers et al. 2023, arXiv:2306.03078; methods A19
std::vector<double> leaveOneOutGains(std::span<const float> values, std::span<const double> sensitivity,
                                     int steps, RoundingMode rounding);

} // namespace qs
