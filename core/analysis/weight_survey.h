#pragma once

#include "core/base/run_context.h"
#include "core/graph/model.h"
#include "core/tensor/tensor_stats.h"

namespace qs {

/// What a look at one layer's weight tells.
struct WeightSurvey {
    LayerId layer = kNoLayer;
    TensorStats stats;
    std::vector<float> channelMagnitudes; ///< [outChannels], largest finite |w| of each output channel
    std::int64_t zeroChannels = 0;        ///< output channels that hold nothing but zeros
};

/// Statistics of one layer's weight, read where it lies. \error as surveyWeights()
Result<WeightSurvey> surveyWeight(const Model &model, const Layer &layer, const RunContext &ctx);

/// Statistics of every layer's weight. What is broken in them was reported when the model was opened.
/// \error Unsupported  a weight has no float value;  Cancelled
Result<std::vector<WeightSurvey>> surveyWeights(const Model &model, const RunContext &ctx);

} // namespace qs
