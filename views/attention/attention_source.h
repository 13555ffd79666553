#pragma once

#include "core/analysis/attention_map.h"
#include "core/session/run.h"
#include "views/canvas/heat_map_scene.h"

namespace qs::views {

/// Which of the two models, or what lies between them.
enum class AttentionVariant { Float, Quantized, Difference };

/// What the attention view is about.
struct AttentionRequest {
    std::shared_ptr<const Model> model;
    std::shared_ptr<const Executor> executor;
    std::shared_ptr<const CalibrationSet> set;
    std::shared_ptr<const Run> run; ///< complete; null: float only
    std::int64_t sample = 0;

    bool operator==(const AttentionRequest &) const = default;
    /// Why there is nothing to show, as a sentence that says what to do; empty when there may be something.
    QString whyNothing() const;
};

/// A request made ready to run: attention found, sample read, weights substituted.
/// \error NotFound  the model has no attention (with what was looked for); what the set reports  \thread
/// worker
Result<std::shared_ptr<const AttentionSurveyRequest>> prepareAttention(const AttentionRequest &request);

/// One map, of both models and their difference, ready to be drawn. Quantized and difference may be null.
struct AttentionMapContent {
    AttentionMapChoice choice;
    std::shared_ptr<const HeatMapData> reference, quantized, difference;

    const HeatMapData *of(AttentionVariant variant) const;
};
/// \thread worker
Result<std::shared_ptr<const AttentionMapContent>> loadAttentionMap(const AttentionSurveyRequest &request,
                                                                    const AttentionMapChoice &choice,
                                                                    const RunContext &ctx);

/// Colours of probabilities up to `highest`; logarithmic over three decades.
HeatMapScale probabilityScale(double highest, bool logarithmic);
/// Colours of differences up to ±`largest`; linear, so that small ones look small.
HeatMapScale differenceScale(double largest);
const ColorMap &probabilityMap();
const ColorMap &differenceMap();

/// The scene of a map: float and quantized share one scale.
HeatMapScene attentionScene(const AttentionMapContent &content, AttentionVariant variant, bool logarithmic);

} // namespace qs::views
