#include "core/analysis/weight_survey.h"

#include "core/analysis/weight_values.h"

namespace qs {

Result<std::vector<WeightSurvey>> surveyWeights(const Model &model, const RunContext &ctx) {
    std::vector<WeightSurvey> surveys;
    for (const Layer &layer : model.layers) {
        ctx.step(layer.id, static_cast<std::int64_t>(model.layers.size()), "reading weights");
        QS_TRY(const WeightValues values, WeightValues::open(layer, model.graph));
        const RunContext quiet{ctx.stop, nullptr, ctx.maxThreads};
        QS_TRY(const TensorScan scan, values.scan(nullptr, quiet));
        QS_TRY(WeightValues::Magnitudes magnitudes, values.magnitudes(quiet));
        WeightSurvey survey;
        survey.layer = layer.id;
        survey.stats = scan.stats();
        survey.channelMagnitudes = std::move(magnitudes.largest);
        survey.zeroChannels = magnitudes.zeroRows;
        surveys.push_back(std::move(survey));
    }
    return surveys;
}

} // namespace qs
