#include "core/analysis/weight_survey.h"

#include "core/tensor/matrix_view.h"

#include <algorithm>
#include <cmath>

namespace qs {
namespace {

float magnitudeOf(std::span<const float> channel) {
    float magnitude = 0;
    for (const float value : channel)
        if (std::isfinite(value))
            magnitude = std::max(magnitude, std::abs(value));
    return magnitude;
}

} // namespace

Result<std::vector<WeightSurvey>> surveyWeights(const Model &model, const RunContext &ctx) {
    std::vector<WeightSurvey> surveys;
    for (const Layer &layer : model.layers) {
        ctx.step(layer.id, static_cast<std::int64_t>(model.layers.size()), "reading weights");
        QS_TRY(const Tensor weight, weightMatrix(layer, model.graph));
        const MatrixView<const float> matrix{weight.values<float>().data(), layer.outChannels,
                                             layer.inPerOut};
        WeightSurvey survey;
        survey.layer = layer.id;
        QS_TRY(survey.stats, computeStats(weight.values<float>(), ctx));
        for (std::int64_t channel = 0; channel < matrix.rows; ++channel) {
            const auto values = matrix.row(channel);
            survey.channelMagnitudes.push_back(magnitudeOf(values));
            survey.zeroChannels += std::all_of(values.begin(), values.end(), [](float v) { return v == 0; });
        }
        surveys.push_back(std::move(survey));
    }
    return surveys;
}

} // namespace qs
