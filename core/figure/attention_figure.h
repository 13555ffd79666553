#pragma once

#include "core/analysis/attention_survey.h"
#include "core/figure/figure.h"

#include <memory>

namespace qs {

/// A grid of attention maps, one row per layer (of all, or of one) and model, one column per head. Maps of
/// the float and the quantized model share one colour scale, differences have their own, centred on zero.
/// Large maps are reduced as thumbnail() does. \param block  index of the attention, or -1 for all
std::unique_ptr<Figure> makeAttentionFigure(std::shared_ptr<const AttentionSurvey> survey, int block);

} // namespace qs
