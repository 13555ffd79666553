#include "views/shared/job_list.h"

#include <QElapsedTimer>
#include <mutex>
#include <thread>

namespace qs::views {
namespace {

constexpr int kProgressIntervalMs = 50;
constexpr std::size_t kFinishedJobsKept = 20;

/// Runs the work; a third-party exception that slipped through (bad_alloc above all) becomes an error here.
Status guarded(const std::function<Status(const RunContext &)> &work, const RunContext &context) {
    try {
        return work(context);
    } catch (const std::bad_alloc &) {
        return fail(ErrorCode::OutOfMemory, "not enough memory for this job");
    } catch (const std::exception &error) {
        return fail(ErrorCode::PluginFailure, error.what());
    }
}

JobState::Phase phaseOf(const Status &status) {
    if (status)
        return JobState::Phase::Done;
    return status.error().code == ErrorCode::Cancelled ? JobState::Phase::Cancelled : JobState::Phase::Failed;
}

} // namespace

/// Takes progress from workers. The GUI thread reads it when its timer fires, so workers never wait for the
/// GUI.
class JobList::Sink : public ProgressSink {
public:
    Sink() { m_clock.start(); }

    void step(std::int64_t done, std::int64_t total, std::string_view stage) override {
        std::scoped_lock lock(m_mutex);
        // Another total or a smaller count is the start of other work, whose speed says nothing about the
        // last.
        if (total != m_total || done < m_done) {
            m_firstDone = done;
            m_startedMs = m_clock.elapsed();
        }
        m_done = done;
        m_total = total;
        m_stage.assign(stage);
    }

    void describe(JobState &state) const {
        std::scoped_lock lock(m_mutex);
        state.elapsedSeconds = static_cast<double>(m_clock.elapsed()) / 1000.0;
        state.stage = QString::fromStdString(m_stage);
        state.done = m_done;
        state.total = m_total;
        const double spent = static_cast<double>(m_clock.elapsed() - m_startedMs) / 1000.0;
        const auto advanced = static_cast<double>(m_done - m_firstDone);
        if (m_total > 0 && advanced > 0 && spent > 0.5)
            state.remainingSeconds = spent / advanced * static_cast<double>(m_total - m_done);
        else
            state.remainingSeconds = -1;
    }

private:
    mutable std::mutex m_mutex;
    QElapsedTimer m_clock;
    std::int64_t m_done = 0, m_total = 0, m_firstDone = 0;
    qint64 m_startedMs = 0;
    std::string m_stage;
};

struct JobList::Job {
    JobState state;
    Sink sink;
    std::function<void(const Status &)> finished;
    bool superseded = false; ///< a newer job of the tag runs, or the document is gone: drop the result
    std::jthread thread;     ///< last member: joined before what the worker uses goes

    bool running() const { return state.phase == JobState::Phase::Running; }
    void requestStop() {
        state.cancelling = true;
        thread.request_stop();
    }
};

JobList::JobList(QObject *parent) : QObject(parent) {
    m_progressTimer.setInterval(kProgressIntervalMs);
    connect(&m_progressTimer, &QTimer::timeout, this, &JobList::changed);
}

JobList::~JobList() {
    blockSignals(true);
    cancelAndJoin();
}

int JobList::start(const QString &tag, const QString &title, std::function<Status(const RunContext &)> work,
                   std::function<void(const Status &)> finished) {
    for (const auto &old : m_jobs) {
        if (old->running() && old->state.tag == tag) {
            old->superseded = true;
            old->requestStop();
        }
    }
    auto job = std::make_shared<Job>();
    job->state.id = m_nextId++;
    job->state.tag = tag;
    job->state.title = title;
    job->finished = std::move(finished);
    m_jobs.push_back(job);
    Sink *sink = &job->sink;
    job->thread =
        std::jthread([this, id = job->state.id, sink, work = std::move(work)](std::stop_token stop) {
            Status status = guarded(work, RunContext{stop, sink, 0});
            post([this, id, status = std::move(status)] { finish(id, status); });
        });
    m_progressTimer.start();
    emit changed();
    return job->state.id;
}

void JobList::finish(int id, const Status &status) {
    const auto found =
        std::find_if(m_jobs.begin(), m_jobs.end(), [id](const auto &job) { return job->state.id == id; });
    if (found == m_jobs.end() || !(*found)->running())
        return;
    const std::shared_ptr<Job> job = *found;
    job->thread.join();
    const auto callback = std::move(job->finished);
    end(*job, job->superseded ? JobState::Phase::Cancelled : phaseOf(status));
    if (job->state.phase == JobState::Phase::Failed)
        job->state.error = QString::fromStdString(status.error().text());
    forgetOldJobs();
    if (!anyRunning())
        m_progressTimer.stop();
    if (callback && !job->superseded)
        callback(status);
    emit changed();
}

void JobList::forgetOldJobs() {
    auto finishedCount = static_cast<std::size_t>(
        std::count_if(m_jobs.begin(), m_jobs.end(), [](const auto &job) { return !job->running(); }));
    std::erase_if(m_jobs, [&](const auto &job) {
        if (job->running() || finishedCount <= kFinishedJobsKept)
            return false;
        --finishedCount;
        return true;
    });
}

void JobList::cancel(int id) {
    for (const auto &job : m_jobs) {
        if (job->state.id == id && job->running())
            job->requestStop();
    }
    emit changed();
}

void JobList::cancelTag(const QString &tag) {
    for (const auto &job : m_jobs) {
        if (job->state.tag == tag && job->running())
            job->requestStop();
    }
    emit changed();
}

void JobList::cancelAll() {
    for (const auto &job : m_jobs) {
        if (job->running())
            job->requestStop();
    }
    emit changed();
}

void JobList::cancelAndJoin(const QStringList &tags) {
    auto concerned = [&](const auto &job) {
        return job->running() && (tags.isEmpty() || tags.contains(job->state.tag));
    };
    for (const auto &job : m_jobs) {
        if (concerned(job))
            job->requestStop();
    }
    // finish() was posted by each worker and will find its job no longer running.
    for (const auto &job : m_jobs) {
        if (concerned(job)) {
            job->thread.join();
            end(*job, JobState::Phase::Cancelled);
        }
    }
    if (!anyRunning())
        m_progressTimer.stop();
    emit changed();
}

void JobList::end(Job &job, JobState::Phase phase) {
    job.sink.describe(job.state);
    job.state.remainingSeconds = -1;
    job.state.cancelling = false;
    job.state.phase = phase;
    job.finished = nullptr;
}

std::vector<JobState> JobList::jobs() const {
    std::vector<JobState> states;
    for (const auto &job : m_jobs) {
        if (job->running())
            job->sink.describe(job->state);
        states.push_back(job->state);
    }
    return states;
}

bool JobList::isRunning(const QString &tag) const {
    return std::any_of(m_jobs.begin(), m_jobs.end(), [&](const auto &job) {
        return job->running() && !job->superseded && job->state.tag == tag;
    });
}

bool JobList::anyRunning() const {
    return std::any_of(m_jobs.begin(), m_jobs.end(), [](const auto &job) { return job->running(); });
}

void JobList::post(std::function<void()> call) {
    // Qt drops queued calls of a receiver that is gone.
    QMetaObject::invokeMethod(this, std::move(call), Qt::QueuedConnection);
}

} // namespace qs::views
