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

} // namespace qs
