#pragma once

#include <stop_token>
#include <thread>

namespace qs::app {

/// Turns Ctrl+C (SIGINT, SIGTERM) into a stop request; a second one ends the program at once.
/// Make it first thing in main(): threads started later inherit that the signals are blocked.
class Interrupt {
public:
    Interrupt();
    std::stop_token token() const { return m_stop.get_token(); }

private:
    std::stop_source m_stop;
    std::jthread m_watcher; // last: it uses m_stop and is joined first
};

} // namespace qs::app
