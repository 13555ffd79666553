#pragma once

#include "core/session/sweep/run_sweep.h"

#include <QObject>

namespace qs::views {

class WorkbenchContext;

/// The result file of a sweep that the window shows, and the sweep that fills it. GUI thread only.
class SweepDocument final : public QObject {
    Q_OBJECT
public:
    /// The one of this workbench, whose child it is; made at the first call.
    static SweepDocument &of(WorkbenchContext &context);

    /// Null when nothing was opened. Of a sweep that runs: the results so far.
    std::shared_ptr<const SweepResults> results() const { return m_results; }
    QString file() const { return m_file; }
    bool isRunning() const;
    std::int64_t plannedJobs() const { return m_plannedJobs; } ///< of the sweep that runs or ran last

    /// Why no sweep can be started now, as a sentence that says what to do; empty when one can.
    QString whyNotStart() const;
    /// The open model with its sets, as a sweep names it. Empty path without model.
    ModelFiles openModel() const;

    // Wishes. Each returns at once; failures are findings.
    void open(const QString &file);
    /// Runs what the file does not have yet and shows it while it grows.
    void start(const SweepPlan &plan, const QString &file);
    void stop();

signals:
    void changed();

private:
    explicit SweepDocument(WorkbenchContext &context);
    void show(std::shared_ptr<const SweepResults> results);
    void report(const Status &status, const FindingList &findings);

    WorkbenchContext &m_context;
    std::shared_ptr<const SweepResults> m_results;
    QString m_file;
    std::int64_t m_plannedJobs = 0;
};

/// Tag of the job.
inline const QString kSweepTag = QStringLiteral("sweep");

} // namespace qs::views
