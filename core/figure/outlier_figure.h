#pragma once

#include "core/analysis/weight_survey.h"
#include "core/exec/capture.h"
#include "core/figure/figure.h"

#include <memory>

namespace qs {

/// One row of a layer × channel map: the largest magnitude in each channel of a layer.
struct ChannelMagnitudes {
    std::string layer;
    std::vector<float> values; ///< [channels], max |x|
};

/// Every layer's channels side by side; rows may differ in length. Logarithmic colours.
/// \param what  what the magnitudes are of: "input activation", "weight"
std::unique_ptr<Figure> makeLayerChannelFigure(std::vector<ChannelMagnitudes> rows, std::string what);

/// The magnitudes of every activation that calibration has seen, or of every weight, by output channel.
std::vector<ChannelMagnitudes> activationMagnitudes(const Model &model, const Capture &capture);
std::vector<ChannelMagnitudes> weightMagnitudes(const Model &model, const std::vector<WeightSurvey> &surveys);

/// Tokens × channels of the raw sample that calibration kept of one layer's input.
std::unique_ptr<Figure> makeTokenChannelFigure(const Layer &layer,
                                               std::shared_ptr<const LayerCapture> capture);

} // namespace qs
