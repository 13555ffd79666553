#include "app/status_panel.h"

#include "core/io/activation_file.h"
#include "core/io/calibration_origin.h"
#include "views/models/job_model.h"
#include "views/shared/file_path.h"
#include "views/shared/format_text.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QProgressBar>
#include <QTimer>
#include <QToolButton>

namespace qs::app {

using views::nameOf;
using views::WorkbenchContext;

namespace {

QString setText(const std::shared_ptr<const CalibrationSet> &set) {
    const QString origin = QString::fromStdString(originOf(*set));
    const QString count = views::formatCount(set->samples());
    return StatusPanel::tr("%1 (%2)").arg(nameOf(set->file()),
                                          origin.isEmpty() ? count : count + ", " + origin);
}

/// "top-1 89.7 → 89.5 %", or the closest thing to it that the model's outputs allow.
QString qualityText(const Run &run) {
    if (!run.total)
        return {};
    for (const Metric metric : {Metric::Perplexity, Metric::Top1}) {
        const auto after = metricValue(*run.total, metric);
        const auto before = run.baseline ? metricValue(*run.baseline, metric) : std::nullopt;
        if (after && before)
            return QStringLiteral("%1 %2 → %3")
                .arg(QString::fromUtf8(metricInfo(metric).name), views::formatNumber(*before),
                     views::formatWithUnit(after, QString::fromUtf8(metricInfo(metric).unit)));
    }
    for (const Metric metric : {Metric::Kl, Metric::OutputSqnr, Metric::Top1Agreement}) {
        if (const auto value = metricValue(*run.total, metric))
            return QStringLiteral("%1 %2").arg(
                QString::fromUtf8(metricInfo(metric).name),
                views::formatWithUnit(value, QString::fromUtf8(metricInfo(metric).unit)));
    }
    return {};
}

QString runText(const Run &run) {
    const auto done =
        std::count_if(run.layers.begin(), run.layers.end(), [](const auto &layer) { return layer; });
    QString text = run.complete ? StatusPanel::tr("%1: complete").arg(QString::fromStdString(run.name))
                                : StatusPanel::tr("%1: partial, %2 of %3 layers")
                                      .arg(QString::fromStdString(run.name))
                                      .arg(done)
                                      .arg(run.layers.size());
    text += StatusPanel::tr(", %1 bits per weight").arg(run.effectiveBits(), 0, 'f', 2);
    const QString quality = qualityText(run);
    return quality.isEmpty() ? text : text + QStringLiteral(", ") + quality;
}

} // namespace

StatusPanel::StatusPanel(WorkbenchContext &context, QWidget *parent)
    : QWidget(parent), m_context(context), m_summary(new QLabel), m_stage(new QLabel),
      m_progress(new QProgressBar), m_cancel(new QToolButton) {
    auto *layout = new QHBoxLayout(this);
    layout->setContentsMargins(6, 0, 0, 0);
    layout->setSpacing(8);
    m_summary->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_summary->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    m_stage->setSizePolicy(QSizePolicy::Maximum, QSizePolicy::Preferred);
    m_progress->setFixedWidth(160);
    m_progress->setMaximumHeight(fontMetrics().height() + 2);
    m_cancel->setText(tr("Cancel"));
    m_cancel->setToolTip(tr("Stops all jobs (Esc); results so far stay"));
    layout->addWidget(m_summary, 1);
    layout->addWidget(m_stage);
    layout->addWidget(m_progress);
    layout->addWidget(m_cancel);
    connect(m_cancel, &QToolButton::clicked, &context.jobs(), &views::JobList::cancelAll);
    connect(&context.jobs(), &views::JobList::changed, this, &StatusPanel::updateJob);
    for (auto signal : {&WorkbenchContext::modelChanged, &WorkbenchContext::calibrationChanged,
                        &WorkbenchContext::captureChanged, &WorkbenchContext::runChanged,
                        &WorkbenchContext::executorChanged})
        connect(&context, signal, this, &StatusPanel::updateSummary);
    updateSummary();
    updateJob();
}

void StatusPanel::updateSummary() {
    QStringList parts;
    if (const auto model = m_context.model())
        parts << tr("Model <b>%1</b>").arg(nameOf(model->file).toHtmlEscaped());
    else
        parts << tr("No model. Drop files anywhere, or press Ctrl+O.");
    if (const auto set = m_context.calibration())
        parts << tr("Calibration <b>%1</b>").arg(setText(set).toHtmlEscaped());
    else if (m_context.model() && !m_context.activations())
        parts << tr("No calibration set");
    if (const auto activations = m_context.activations())
        parts << tr("Activations from <b>%1</b>").arg(nameOf(activations->file()).toHtmlEscaped());
    if (const auto set = m_context.evaluation())
        parts << tr("Evaluation <b>%1</b>").arg(setText(set).toHtmlEscaped());
    if (const auto run = m_context.run())
        parts << tr("Run <b>%1</b>").arg(runText(*run).toHtmlEscaped());
    m_summary->setText(parts.join(QStringLiteral("&nbsp;&nbsp;·&nbsp;&nbsp;")));
    m_summary->setToolTip(parts.join(QStringLiteral("<br>")));
}

void StatusPanel::showNotice(const QString &text) {
    constexpr int kNoticeMs = 8000;
    m_summary->setText(text.toHtmlEscaped());
    QTimer::singleShot(kNoticeMs, this, &StatusPanel::updateSummary);
}

void StatusPanel::updateJob() {
    const auto jobs = m_context.jobs().jobs();
    const auto running = std::find_if(jobs.rbegin(), jobs.rend(), [](const views::JobState &job) {
        return job.phase == views::JobState::Phase::Running;
    });
    const bool any = running != jobs.rend();
    for (QWidget *widget : std::initializer_list<QWidget *>{m_stage, m_progress, m_cancel})
        widget->setVisible(any);
    if (!any)
        return;
    const QString state = views::jobStateText(*running);
    QString text = state.isEmpty() ? running->title : state;
    if (running->remainingSeconds >= 0)
        text += tr(", %1 left").arg(views::formatDuration(running->remainingSeconds));
    m_stage->setText(text);
    m_stage->setToolTip(running->title);
    // An unknown total shows as a busy bar.
    m_progress->setMaximum(running->total > 0 ? 1000 : 0);
    if (running->total > 0)
        m_progress->setValue(static_cast<int>(1000 * running->done / running->total));
}

} // namespace qs::app
