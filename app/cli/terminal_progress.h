#pragma once

#include "core/base/run_context.h"

#include <chrono>
#include <memory>
#include <mutex>
#include <string>

namespace qs::app {

/// One line on standard error that is rewritten in place: stage, percent, time left. At most 10 times a
/// second.
class TerminalProgress final : public ProgressSink {
public:
    /// nullptr when standard error is not a terminal: logs and pipes stay clean.
    static std::unique_ptr<TerminalProgress> forTerminal();
    ~TerminalProgress() override;

    void step(std::int64_t done, std::int64_t total, std::string_view stage) override;
    /// Takes the line away, so that other output starts on a clean one.
    void clear();

private:
    using Clock = std::chrono::steady_clock;
    std::string remainingText(double share, Clock::time_point now);
    void show(const std::string &line);

    std::mutex m_mutex;
    Clock::time_point m_shown{};   ///< when the line was last written
    Clock::time_point m_started{}; ///< of the present stretch
    double m_startShare = 0;       ///< share done at m_started
    double m_share = 2;            ///< last share seen; going back means that a new stretch began
    bool m_visible = false;
};

} // namespace qs::app
