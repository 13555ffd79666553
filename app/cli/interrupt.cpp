#include "app/cli/interrupt.h"

#include "app/cli/exit_code.h"

#include <csignal>
#include <ctime>
#include <unistd.h>

namespace qs::app {

Interrupt::Interrupt() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    // A handler could not call request_stop(), which takes locks: a thread waits for the signals instead.
    m_watcher = std::jthread([this, signals](const std::stop_token &ended) {
        constexpr timespec kPatience{0, 100'000'000};
        while (!ended.stop_requested()) {
            if (sigtimedwait(&signals, nullptr, &kPatience) < 0)
                continue;
            if (m_stop.stop_requested())
                ::_exit(Interrupted);
            m_stop.request_stop();
        }
    });
}

} // namespace qs::app
