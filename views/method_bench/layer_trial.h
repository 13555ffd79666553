#pragma once

#include "core/session/layer_run.h"
#include "views/shared/job_list.h"

#include <QPointer>

namespace qs::views {

/// What a trial needs of the workbench. A snapshot.
struct TrialRequest {
    LayerRequest layer;                       ///< capture and evaluator are filled in by the trial
    std::shared_ptr<const Executor> executor; ///< null: only the weight is measured
    std::shared_ptr<const CalibrationSet> calibration, evaluation;
    std::shared_ptr<const Capture> capture;
    std::int64_t samples = RunRequest{}.inNetworkSamples; ///< as a run measures its layers
};

/// Quantizes one layer in the background, again and again while its parameters change: the newest request
/// wins. What takes long (float outputs, a capture with the Hessian) is kept from one trial to the next.
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
        std::shared_ptr<const Executor> executor;
        std::shared_ptr<const CalibrationSet> set;
        std::shared_ptr<const Evaluator> evaluator;
        std::shared_ptr<const Capture> capture;
    };
    static Status prepare(Tools &tools, const TrialRequest &request, FindingList &findings,
                          const RunContext &ctx);

    JobList &m_jobs;
    Tools m_tools;
};

} // namespace qs::views
