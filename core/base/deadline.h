#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

namespace qs {

/// Requests a stop when a time has passed: for work that nobody can cancel, or that must not take longer.
class Deadline {
public:
    explicit Deadline(std::chrono::milliseconds patience);
    /// For RunContext::stop. It stays valid, and may fall due, only while the deadline lives.
    std::stop_token token() const { return m_stop.get_token(); }

private:
    std::stop_source m_stop;
    std::mutex m_mutex;
    std::condition_variable_any m_over;
    std::jthread m_thread; ///< last, so that it ends before what it uses
};

} // namespace qs
