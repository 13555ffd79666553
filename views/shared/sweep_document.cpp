#include "views/shared/sweep_document.h"

#include "views/shared/file_path.h"
#include "views/shared/latest_value.h"
#include "views/shared/workbench_context.h"

#include <QFileInfo>

namespace qs::views {

namespace {

using Snapshot = std::shared_ptr<const SweepResults>;

} // namespace

SweepDocument::SweepDocument(WorkbenchContext &context) : QObject(&context), m_context(context) {}

SweepDocument &SweepDocument::of(WorkbenchContext &context) {
    auto *document = context.findChild<SweepDocument *>(QString(), Qt::FindDirectChildrenOnly);
    return document ? *document : *new SweepDocument(context);
}

bool SweepDocument::isRunning() const {
    return m_context.jobs().isRunning(kSweepTag);
}

QString SweepDocument::whyNotStart() const {
    if (isRunning())
        return tr("A sweep is under way.");
    const auto model = m_context.model();
    if (!model)
        return tr("Open a model first.");
    return model->layers.empty() ? tr("This model has no layer with a constant weight to quantize.")
                                 : QString();
}

ModelFiles SweepDocument::openModel() const {
    ModelFiles files;
    const auto model = m_context.model();
    if (!model)
        return files;
    files.name = model->file.stem().string();
    files.model = model->file;
    if (const auto set = m_context.calibration())
        files.calibration = set->file();
    if (const auto set = m_context.evaluation())
        files.evaluation = set->file();
    return files;
}

void SweepDocument::show(Snapshot results) {
    m_results = std::move(results);
    emit changed();
}

void SweepDocument::report(const Status &status, const FindingList &findings) {
    for (const FindingList::Entry &entry : findings.snapshot())
        m_context.addFinding(entry.finding);
    if (!status && status.error().code != ErrorCode::Cancelled)
        m_context.addFinding(toFinding(status.error()));
}

void SweepDocument::open(const QString &file) {
    auto results = std::make_shared<SweepResults>();
    m_context.jobs().start(
        QStringLiteral("open-sweep"), tr("Opening %1").arg(QFileInfo(file).fileName()),
        [results, path = toPath(file)](const RunContext &) -> Status {
            QS_TRY(*results, readSweep(path));
            return {};
        },
        [this, results, file](const Status &status) {
            report(status, {});
            if (!status)
                return;
            m_file = file;
            show(results);
            emit m_context.fileOpened(file);
            m_context.reveal(QStringLiteral("sweep"));
        });
}

void SweepDocument::start(const SweepPlan &plan, const QString &file) {
    auto methods = m_context.sharedMethods();
    const auto jobs = sweepJobs(plan, *methods);
    m_plannedJobs = jobs ? static_cast<std::int64_t>(jobs->size()) : 0;
    m_file = file;
    m_results = nullptr; // what the file holds comes with the first result
    auto partial = std::make_shared<LatestValue<Snapshot>>(
        m_context.jobs(), [this](Snapshot results) { show(std::move(results)); });
    auto findings = std::make_shared<FindingList>();
    auto summary = std::make_shared<SweepSummary>();
    m_context.jobs().start(
        kSweepTag, tr("Sweep of %2 jobs into %1").arg(QFileInfo(file).fileName()).arg(m_plannedJobs),
        [=, path = toPath(file)](const RunContext &ctx) -> Status {
            const auto observer = [&](Snapshot results) { partial->put(std::move(results), ctx.stop); };
            QS_TRY(*summary, runSweep(plan, path, methods, observer, *findings, ctx));
            return {};
        },
        [this, partial, findings, summary, file](const Status &status) {
            partial->close();
            report(status, *findings);
            if (status)
                show(summary->results);
            else if (QFileInfo::exists(file)) // cancelled or broken: what was finished is in the file
                open(file);
            else
                emit changed();
        });
    emit changed();
}

void SweepDocument::stop() {
    m_context.jobs().cancelTag(kSweepTag);
}

} // namespace qs::views
