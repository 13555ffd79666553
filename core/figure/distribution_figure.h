#pragma once

#include "core/exec/capture.h"
#include "core/figure/figure.h"
#include "core/quant/quantized_matrix.h"

#include <memory>

namespace qs {

/// Counts of values in equal bins.
struct Bars {
    double lo = 0, width = 1;
    std::vector<double> counts;
};

/// What a distribution picture shows.
struct Distribution {
    std::string title, subtitle, valueName;
    Bars reference;                ///< the float values
    std::optional<Bars> quantized; ///< the same values after quantization, in the same bins
    std::vector<double>
        gridPoints; ///< every value that a code stands for; empty when grids differ between slices
    std::optional<ValueRange> covered; ///< what the grid reaches: values outside are clipped
};

/// The values of a weight, of one output channel or all (-1), over their dequantized counterpart when there
/// is one. \error NotFound  there is no such channel;  Unsupported  the weight has no float value
Result<Distribution> weightDistribution(const Model &model, const Layer &layer,
                                        const QuantizedMatrix *quantized, std::int64_t channel);

/// The values that entered a layer during calibration, from the capture's histogram; `scheme` adds the grid.
Distribution activationDistribution(const Layer &layer, const LayerCapture &capture,
                                    const std::optional<GridScheme> &scheme);

/// Histogram with a logarithmic count axis, dequantized overlay, grid points and clipped ranges.
std::unique_ptr<Figure> makeDistributionFigure(Distribution distribution);

} // namespace qs
