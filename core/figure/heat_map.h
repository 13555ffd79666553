#pragma once

#include "core/figure/axis.h"
#include "core/tensor/matrix_view.h"

namespace qs {

/// A matrix as colours at the resolution of a picture. Where many elements fall on one pixel, the one of
/// largest magnitude is shown, so a single outlier is never lost; a NaN beats all. \param scale  value of
/// |element| at the ends of the map; of the element with its sign when the map is diverging
PixelImage heatMapPixels(MatrixView<const float> values, int width, int height, const ColorMap &map,
                         const AxisScale &scale);

/// A logarithmic scale for magnitudes that ends at the largest and starts at the 5 % quantile of the positive
/// ones, at most five decades below; [0, 1] linear when nothing is positive.
AxisScale magnitudeScale(std::span<const float> values);

} // namespace qs
