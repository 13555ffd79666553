#pragma once

#include "core/session/layer_run.h"
#include "core/session/recipe_network.h"
#include "views/shared/job_list.h"

#include <QPointer>

namespace qs::views {

/// What a trial needs of the workbench. A snapshot.
struct TrialRequest {
    LayerRequest layer; ///< capture and evaluator are filled in by the trial
    Recipe recipe;      ///< its transforms make the model that the layer is quantized in
    std::shared_ptr<const PreparedModel> prepared; ///< of this very recipe, by an earlier run; may be null
    std::shared_ptr<const Executor> executor;      ///< null: only the weight is measured
    std::shared_ptr<const CalibrationSet> calibration, evaluation;
    std::shared_ptr<const Capture> capture;
    std::int64_t memoryLimit = 0;                         ///< bytes that calibration may take; 0 = no limit
    std::int64_t samples = RunRequest{}.inNetworkSamples; ///< as a run measures its layers
};

/// Quantizes one layer in the background, again and again while its parameters change: the newest request
/// wins. What takes long (transforms, float outputs, a capture with the Hessian) is kept from one trial to
/// the next.
class LayerTrial final : public QObject {
    Q_OBJECT
public:
    LayerTrial(JobList &jobs, QObject *parent);

    void start(const TrialRequest &request);
    void cancel();

signals:
    void finished(std::shared_ptr<const qs::LayerResult> result);
    void failed(const QString &why);

private:
    /// Made by one trial, used by the next ones of the same model and sets.
    struct Tools {
        std::shared_ptr<const Model> model;
        std::shared_ptr<const Executor> executor;
        std::shared_ptr<const CalibrationSet> set;
        std::optional<Recipe> transformed; ///< the recipe, where it has transforms
        RecipeNetwork network;
        std::shared_ptr<const Evaluator> evaluator;
        std::shared_ptr<const Capture> capture;
    };
    static Status prepareNetwork(Tools &tools, const TrialRequest &request, FindingList &findings,
                                 const RunContext &ctx);
    static Status prepare(Tools &tools, const TrialRequest &request, FindingList &findings,
                          const RunContext &ctx);

    JobList &m_jobs;
    Tools m_tools;
};

} // namespace qs::views
