#include "core/analysis/weight_survey.h"

#include "core/analysis/weight_values.h"

namespace qs {

Result<WeightSurvey> surveyWeight(const Model &model, const Layer &layer, const RunContext &ctx) {
    QS_TRY(const WeightValues values, WeightValues::open(layer, model.graph));
    QS_TRY(const TensorScan scan, values.scan(nullptr, ctx));
    QS_TRY(WeightValues::Magnitudes magnitudes, values.magnitudes(ctx));
    WeightSurvey survey;
    survey.layer = layer.id;
    survey.stats = scan.stats();
    survey.channelMagnitudes = std::move(magnitudes.largest);
    survey.zeroChannels = magnitudes.zeroRows;
    return survey;
}

Result<std::vector<WeightSurvey>> surveyWeights(const Model &model, const RunContext &ctx) {
    const RunContext quiet{ctx.stop, nullptr, ctx.maxThreads};
    std::vector<WeightSurvey> surveys;
    for (const Layer &layer : model.layers) {
        ctx.step(layer.id, static_cast<std::int64_t>(model.layers.size()), "reading weights");
        QS_TRY(WeightSurvey survey, surveyWeight(model, layer, quiet));
        surveys.push_back(std::move(survey));
    }
    return surveys;
}

} // namespace qs
