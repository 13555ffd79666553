#include "app/job_sequence.h"

namespace qs::app {

JobSequence::JobSequence(views::WorkbenchContext &context, QObject *parent)
    : QObject(parent), m_context(context) {
    connect(&context.jobs(), &views::JobList::changed, this, [this] {
        if (m_running && !m_context.jobs().anyRunning())
            advance();
    });
}

void JobSequence::start() {
    m_running = true;
    if (!m_context.jobs().anyRunning())
        advance();
}

void JobSequence::advance() {
    if (m_advancePosted)
        return;
    m_advancePosted = true;
    // Queued: whoever reacts to the end of a job may start another one first.
    QMetaObject::invokeMethod(
        this,
        [this] {
            m_advancePosted = false;
            if (!m_running || m_context.jobs().anyRunning())
                return;
            if (m_steps.empty()) {
                m_running = false;
                emit finished();
                return;
            }
            const auto step = std::move(m_steps.front());
            m_steps.pop_front();
            step();
            if (!m_context.jobs().anyRunning())
                advance();
        },
        Qt::QueuedConnection);
}

void JobSequence::addRun() {
    add([this] {
        if (m_context.whyNotCalibrate().isEmpty())
            m_context.calibrate();
    });
    add([this] {
        if (const auto run = m_context.run(); !run || run->hasOriginal()) // a model may bring its own
            m_context.startRun();
    });
}

void JobSequence::addSmallSensitivity() {
    add([this] {
        if (!m_context.whyNotSensitivity().isEmpty())
            return;
        SensitivityOptions options;
        options.samples = 16;
        m_context.startSensitivity(std::move(options));
    });
}

} // namespace qs::app
