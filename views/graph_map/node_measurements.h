#pragma once

#include "core/session/node_metrics.h"
#include "core/session/run_errors.h"
#include "views/shared/workbench_context.h"

namespace qs::views {

/// What the graph map measures itself, as jobs: errors node by node, and the time of every node.
class NodeMeasurements : public QObject {
    Q_OBJECT
public:
    explicit NodeMeasurements(WorkbenchContext &context, QObject *parent = nullptr);

    /// Null when not measured, or on another run or model than the present ones.
    std::shared_ptr<const ErrorPropagation> errors() const { return m_errors.opened; }
    /// What errors() compares with what; empty for a run without transforms.
    QString errorsNote() const;
    std::shared_ptr<const NodeTimes> times() const { return m_times; }
    QString whyNotCompare() const;
    QString whyNotTime() const { return m_context.whyNotCalibrate(); }

    void compare(std::int64_t samples);
    void measureTime();
    /// Drops what does not belong to the present model and run.
    void forgetStale();

signals:
    void compared();
    void timed();

private:
    /// Outputs are compared on the evaluation set, or else on the calibration set.
    std::shared_ptr<const CalibrationSet> set() const;
    /// Starts a job; a failure becomes a finding, `done` is called on success.
    void start(const QString &tag, const QString &title, std::function<Status(const RunContext &)> work,
               std::function<void()> done);

    WorkbenchContext &m_context;
    RunErrors m_errors;
    std::shared_ptr<const Run> m_run; ///< what m_errors was measured on
    std::shared_ptr<const NodeTimes> m_times;
    std::shared_ptr<const Model> m_model; ///< what m_times was measured on
};

} // namespace qs::views
