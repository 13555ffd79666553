#pragma once

#include <QCoreApplication>
#include <QDeadlineTimer>
#include <QThread>

namespace qs {

/// Runs the event loop until the condition holds; false after the time limit.
template <typename Condition>
bool waitUntil(Condition condition, int limitMs = 60000) {
    const QDeadlineTimer deadline(limitMs);
    while (!condition()) {
        if (deadline.hasExpired())
            return false;
        QCoreApplication::processEvents(QEventLoop::AllEvents, 10);
        QThread::msleep(1);
    }
    return true;
}

/// Runs the event loop until what `place` tells has not changed for a while, then returns it. A widget that
/// was just shown is laid out and painted in several turns: what a test clicks on may still be moving.
template <typename Place>
auto whereItStays(Place place, int steadyTurns = 30) {
    auto last = place();
    int steady = 0;
    waitUntil([&] {
        auto now = place();
        steady = now == last ? steady + 1 : 0;
        last = std::move(now);
        return steady >= steadyTurns;
    });
    return last;
}

} // namespace qs
