#include "views/attention/attention_source.h"

#include "core/graph/weights_only.h"
#include "core/io/calibration_set.h"

namespace qs::views {

namespace {

QString tr(const char *text) {
    return QCoreApplication::translate("Attention", text);
}

constexpr double kLogShare =
    1e-3; ///< where logarithmic colours of probabilities start, as share of the highest

} // namespace

QString AttentionRequest::whyNothing() const {
    if (!model)
        return tr("No model is open. Open one, or drop a file onto the window.");
    if (!executor && isWeightsOnly(model->graph))
        return tr(kNoGraphText);
    if (!executor)
        return tr("The model is not ready to run: attention is seen on a sample that runs through it. If "
                  "this stays, "
                  "see Findings for operators that are missing.");
    if (!set)
        return tr("Open a calibration or evaluation set (HDF5 file) that fits the model: attention is seen "
                  "on one of "
                  "its samples.");
    if (set->samples() == 0)
        return tr("The data set has no samples. Open another one.");
    return {};
}

Result<std::shared_ptr<const AttentionSurveyRequest>> prepareAttention(const AttentionRequest &request) {
    auto prepared = std::make_shared<AttentionSurveyRequest>();
    prepared->sample = request.sample;
    const auto transformed = request.run ? request.run->prepared : nullptr;
    const auto model = transformed ? transformed->model : request.model;
    prepared->input.executor = transformed ? transformed->executor : request.executor;
    prepared->input.attention = std::make_shared<const AttentionSearch>(findAttention(*model));
    if (prepared->input.attention->blocks.empty())
        return fail(ErrorCode::NotFound, "No attention was found in this model. " +
                                             prepared->input.attention->report(request.model->graph));
    QS_TRY(prepared->input.inputs,
           readModelInputs(*request.set, request.model->graph, request.sample, request.sample + 1));
    if (request.run) {
        QS_TRY(prepared->quantized, substitutions(*model, request.run->quantizedLayers()));
    }
    return prepared;
}

const HeatMapData *AttentionMapContent::of(AttentionVariant variant) const {
    return variant == AttentionVariant::Float       ? reference.get()
           : variant == AttentionVariant::Quantized ? quantized.get()
                                                    : difference.get();
}

Result<std::shared_ptr<const AttentionMapContent>> loadAttentionMap(const AttentionSurveyRequest &request,
                                                                    const AttentionMapChoice &choice,
                                                                    const RunContext &ctx) {
    QS_TRY(const AttentionMap map, captureAttentionMap(request, choice, ctx));
    auto content = std::make_shared<AttentionMapContent>();
    content->choice = choice;
    QS_TRY(content->reference, HeatMapData::fromMatrix(map.reference, ctx));
    if (!map.quantized.empty()) {
        QS_TRY(content->quantized, HeatMapData::fromMatrix(map.quantized, ctx));
        QS_TRY(content->difference, HeatMapData::fromMatrix(difference(map.reference, map.quantized), ctx));
    }
    return content;
}

HeatMapScale probabilityScale(double highest, bool logarithmic) {
    const double top = highest > 0 ? highest : 1;
    if (logarithmic)
        return {HeatMapScale::Kind::Log, top * kLogShare, top};
    return {HeatMapScale::Kind::Linear, 0, top};
}

HeatMapScale differenceScale(double largest) {
    const double top = largest > 0 ? largest : 1e-6;
    return {HeatMapScale::Kind::SignedLinear, -top, top};
}

const ColorMap &probabilityMap() {
    return *findColorMap("heat");
}
const ColorMap &differenceMap() {
    return *findColorMap("diverging");
}

HeatMapScene attentionScene(const AttentionMapContent &content, AttentionVariant variant, bool logarithmic) {
    HeatMapScene scene;
    scene.rowTitle = tr("query");
    scene.columnTitle = tr("key");
    scene.valueUnit = tr("probability");
    if (variant == AttentionVariant::Difference && content.difference) {
        scene.data = content.difference;
        scene.valueTitle = tr("quantized − float");
        scene.map = &differenceMap();
        scene.scale = differenceScale(std::max(std::abs(static_cast<double>(scene.data->lowest())),
                                               std::abs(static_cast<double>(scene.data->highest()))));
        return scene;
    }
    const bool quantized = variant == AttentionVariant::Quantized && content.quantized;
    scene.data = quantized ? content.quantized : content.reference;
    scene.valueTitle = quantized ? tr("p, quantized") : tr("p, float");
    scene.map = &probabilityMap();
    const float other = content.quantized ? content.quantized->highest() : 0;
    scene.scale =
        probabilityScale(static_cast<double>(std::max(content.reference->highest(), other)), logarithmic);
    return scene;
}

} // namespace qs::views
