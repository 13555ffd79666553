#pragma once

#include "views/shared/job_list.h"

#include <mutex>
#include <stop_token>

namespace qs::views {

/// Carries the newest of many values from a worker to the GUI thread, at most 20 times a second; values in
/// between are skipped. Nothing arrives once the job was cancelled or close() was called.
template <typename T>
class LatestValue : public std::enable_shared_from_this<LatestValue<T>> {
public:
    LatestValue(JobList &jobs, std::function<void(T)> deliver)
        : m_jobs(jobs), m_deliver(std::move(deliver)) {}

    /// From the worker; the job list joins it before it goes, so the reference holds.
    void put(T value, const std::stop_token &stop) {
        std::scoped_lock lock(m_mutex);
        m_value = std::move(value);
        m_stop = stop;
        if (m_scheduled)
            return;
        m_scheduled = true;
        m_jobs.post([self = this->shared_from_this()] {
            QTimer::singleShot(kIntervalMs, &self->m_jobs, [self] { self->deliver(); });
        });
    }

    /// GUI thread: the final result came another way.
    void close() { m_closed = true; }

private:
    static constexpr int kIntervalMs = 50;

    void deliver() {
        std::unique_lock lock(m_mutex);
        m_scheduled = false;
        T value = std::move(m_value);
        const bool wanted = !m_closed && !m_stop.stop_requested();
        lock.unlock();
        if (wanted)
            m_deliver(std::move(value));
    }

    JobList &m_jobs;
    std::function<void(T)> m_deliver;
    std::mutex m_mutex;
    T m_value{};
    std::stop_token m_stop;
    bool m_scheduled = false;
    bool m_closed = false; ///< GUI thread only
};

} // namespace qs::views
