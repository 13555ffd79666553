#pragma once

#include "core/base/run_context.h"

#include <QObject>
#include <QStringList>
#include <QTimer>
#include <functional>
#include <memory>
#include <vector>

namespace qs::views {

/// One background job as the Jobs dock shows it. A snapshot value.
struct JobState {
    enum class Phase { Running, Done, Failed, Cancelled };
    int id = 0;
    QString tag;   ///< jobs of one tag replace each other: the newest wins
    QString title; ///< "Calibrating glyph-cnn.onnx"
    QString stage;
    std::int64_t done = 0, total = 0; ///< total 0 = unknown
    double elapsedSeconds = 0;
    double remainingSeconds = -1; ///< estimate from the share done in this stage; -1 = unknown
    Phase phase = Phase::Running;
    bool cancelling = false; ///< Cancel was asked for and the work has not stopped yet
    QString error;           ///< why it failed
};

/// Runs work on threads of its own and reports to the GUI thread. Lives on the GUI thread; the destructor
/// cancels and joins everything.
class JobList : public QObject {
    Q_OBJECT
public:
    explicit JobList(QObject *parent = nullptr);
    ~JobList() override;

    /// Starts `work` on a worker. A running job of the same tag is cancelled; its result is dropped.
    /// `finished` runs on the GUI thread with the status, unless a newer job of the tag was started meanwhile
    /// or cancelAndJoin() was called. Both closures must hold snapshots (shared_ptr<const …>), never
    /// references to live documents.
    int start(const QString &tag, const QString &title, std::function<Status(const RunContext &)> work,
              std::function<void(const Status &)> finished);
    void cancel(int id);
    void cancelTag(const QString &tag);
    void cancelAll();
    /// Cancels the jobs of these tags, or all, and waits until their workers are gone (closing a document).
    void cancelAndJoin(const QStringList &tags = {});

    std::vector<JobState> jobs() const; ///< running ones and the last finished ones, newest last
    bool isRunning(const QString &tag) const;
    bool anyRunning() const;

    /// Calls a function on the GUI thread, from any thread; dropped when this list is gone by then. A worker
    /// may call it: workers are joined before the list goes.
    void post(std::function<void()> call);

signals:
    void changed(); ///< a job started or ended; at most 20 times a second while jobs run

private:
    struct Job;
    class Sink;
    void finish(int id, const Status &status);
    static void end(Job &job, JobState::Phase phase);
    void forgetOldJobs();

    std::vector<std::shared_ptr<Job>> m_jobs;
    QTimer m_progressTimer;
    int m_nextId = 1;
};

} // namespace qs::views
