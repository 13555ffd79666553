#include "views/graph_map/node_measurements.h"

#include <QPointer>

namespace qs::views {

namespace {

constexpr std::int64_t kTimedBatch = 16;
constexpr int kTimedPasses = 5;

} // namespace

NodeMeasurements::NodeMeasurements(WorkbenchContext &context, QObject *parent)
    : QObject(parent), m_context(context) {}

QString NodeMeasurements::whyNotCompare() const {
    if (const QString why = m_context.whyNotCalibrate(); !why.isEmpty())
        return why;
    if (!m_context.run())
        return tr("Quantize the model first (F5).");
    if (!m_context.run()->complete)
        return tr("The run is not complete: wait for it, or start it again (F5).");
    if (!m_context.run()->hasOriginal())
        return tr("Errors are not available: the codes came with the model, whose file has no float weights. "
                  "Open the float model and read the codes of this file as a run of it (File menu).");
    if (m_context.run()->prepared && !m_context.run()->prepared->executor)
        return tr("The transformed model of this run has operators that cannot run here.");
    return {};
}

std::shared_ptr<const CalibrationSet> NodeMeasurements::set() const {
    return m_context.evaluation() ? m_context.evaluation() : m_context.calibration();
}

void NodeMeasurements::start(const QString &tag, const QString &title,
                             std::function<Status(const RunContext &)> work, std::function<void()> done) {
    m_context.jobs().start(tag, title, std::move(work),
                           [self = QPointer(this), done = std::move(done)](const Status &status) {
                               if (!self)
                                   return;
                               if (status)
                                   done();
                               else if (status.error().code != ErrorCode::Cancelled)
                                   self->m_context.addFinding(toFinding(status.error()));
                           });
}

void NodeMeasurements::compare(std::int64_t samples) {
    if (const QString why = whyNotCompare(); !why.isEmpty())
        return m_context.addFinding({Severity::Warning, "Nodes cannot be compared", {}, why.toStdString()});
    auto errors = std::make_shared<RunErrors>();
    const auto run = m_context.run();
    start(
        QStringLiteral("graph-map-compare"), tr("Comparing node by node"),
        [errors, run, executor = m_context.executor(), set = set(),
         samples](const RunContext &ctx) -> Status {
            QS_TRY(*errors, measureRunErrors(*run, *executor, *set, samples, ctx));
            return {};
        },
        [this, errors, run] {
            if (run != m_context.run())
                return; // another run is there by now
            m_errors = *errors;
            m_run = run;
            emit compared();
        });
}

QString NodeMeasurements::errorsNote() const {
    QString note = QString::fromStdString(m_errors.note);
    if (m_errors.added > 0)
        note += tr(" Operators that they added (%1) are not on this map; qscope divergence lists them.")
                    .arg(m_errors.added);
    return note;
}

void NodeMeasurements::measureTime() {
    if (const QString why = whyNotTime(); !why.isEmpty())
        return m_context.addFinding({Severity::Warning, "Time cannot be measured", {}, why.toStdString()});
    auto times = std::make_shared<std::shared_ptr<const NodeTimes>>();
    start(
        QStringLiteral("graph-map-time"), tr("Timing node by node"),
        [times, executor = m_context.executor(), set = set()](const RunContext &ctx) -> Status {
            QS_TRY(*times, measureNodeTimes(*executor, *set, kTimedBatch, kTimedPasses, ctx));
            return {};
        },
        [this, times, model = m_context.model()] {
            if (model != m_context.model())
                return;
            m_times = *times;
            m_model = model;
            emit timed();
        });
}

void NodeMeasurements::forgetStale() {
    if (m_run != m_context.run()) {
        m_run = nullptr;
        m_errors = {};
    }
    if (m_model != m_context.model()) {
        m_model = nullptr;
        m_times = nullptr;
    }
}

} // namespace qs::views
