#pragma once

#include "views/shared/workbench_context.h"

#include <deque>

namespace qs::app {

/// Starts one piece of work after the other, each when no job runs any more: what --run and --screenshot do.
class JobSequence : public QObject {
    Q_OBJECT
public:
    explicit JobSequence(views::WorkbenchContext &context, QObject *parent = nullptr);
    void add(std::function<void()> step) { m_steps.push_back(std::move(step)); }
    /// The first step comes when jobs that run now (opening files) have ended.
    void start();

    /// Calibrates, if that is possible, then quantizes.
    void addRun();
    /// Measures every layer at a few bit-widths on a few samples.
    void addSmallSensitivity();

signals:
    void finished();

private:
    void advance();

    views::WorkbenchContext &m_context;
    std::deque<std::function<void()>> m_steps;
    bool m_running = false;
    bool m_advancePosted = false;
};

} // namespace qs::app
