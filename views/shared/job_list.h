#pragma once

#include "core/base/run_context.h"

#include <QElapsedTimer>
#include <QObject>
#include <functional>
#include <memory>
#include <thread>
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
    QString error; ///< why it failed
};

/// Runs work on threads of its own and reports to the GUI thread. Lives on the GUI thread; the destructor cancels and
/// joins everything.
class JobList : public QObject {
    Q_OBJECT
public:
    explicit JobList(QObject *parent = nullptr);
    ~JobList() override;

    /// Starts `work` on a worker. A running job of the same tag is cancelled; its result is dropped.
    /// `finished` runs on the GUI thread with the status, unless a newer job of the tag was started meanwhile.
    /// Both closures must hold snapshots (shared_ptr<const …>), never references to live documents.
    int start(const QString &tag, const QString &title, std::function<Status(const RunContext &)> work,
              std::function<void(const Status &)> finished);
    void cancel(int id);
    void cancelTag(const QString &tag);
    void cancelAll();
    /// Cancels all jobs and waits until no worker is left (closing a document).
    void cancelAndJoin();

    std::vector<JobState> jobs() const; ///< running ones and the last finished ones, newest last
    bool isRunning(const QString &tag) const;

    /// Calls a function on the GUI thread, from any thread; dropped when this list is gone by then.
    void post(std::function<void()> call);

signals:
    void changed(); ///< at most 20 times a second while jobs run

private:
    struct Job;
    class Sink;
    void finish(const std::shared_ptr<Job> &job, const Status &status);
    std::vector<std::shared_ptr<Job>> m_jobs;
    int m_nextId = 1;
};

} // namespace qs::views
