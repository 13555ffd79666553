#include "views/models/job_model.h"

#include "views/shared/format_text.h"
#include "views/shared/icons.h"

#include <QCoreApplication>

namespace qs::views {
namespace {

bool running(const JobState &job) {
    return job.phase == JobState::Phase::Running;
}

double share(const JobState &job) {
    return job.total > 0
               ? std::clamp(static_cast<double>(job.done) / static_cast<double>(job.total), 0.0, 1.0)
               : -1.0;
}

QString progressText(const JobState &job) {
    if (!running(job))
        return {};
    return job.total > 0 ? QStringLiteral("%1 %").arg(static_cast<int>(100 * share(job)))
                         : QStringLiteral("…");
}

} // namespace

QString jobStateText(const JobState &job) {
    auto tr = [](const char *text) { return QCoreApplication::translate("qs::views::JobModel", text); };
    switch (job.phase) {
    case JobState::Phase::Running:
        return job.cancelling ? tr("cancelling…") : job.stage;
    case JobState::Phase::Done:
        return tr("done");
    case JobState::Phase::Cancelled:
        return tr("cancelled");
    case JobState::Phase::Failed:
        return tr("failed: %1").arg(job.error);
    }
    return {};
}

void JobModel::setJobs(std::vector<JobState> jobs) {
    std::reverse(jobs.begin(), jobs.end());
    const bool sameRows = std::equal(jobs.begin(), jobs.end(), m_jobs.begin(), m_jobs.end(),
                                     [](const JobState &a, const JobState &b) { return a.id == b.id; });
    if (!sameRows)
        beginResetModel();
    m_jobs = std::move(jobs);
    if (!sameRows)
        endResetModel();
    else if (!m_jobs.empty())
        emit dataChanged(index(0, 0), index(rowCount() - 1, ColumnCount - 1));
}

int JobModel::rowCount(const QModelIndex &parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_jobs.size());
}

int JobModel::columnCount(const QModelIndex &parent) const {
    return parent.isValid() ? 0 : ColumnCount;
}

QVariant JobModel::data(const QModelIndex &index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid))
        return {};
    const JobState &job = m_jobs[static_cast<std::size_t>(index.row())];
    switch (role) {
    case ShareRole:
        return share(job);
    case JobIdRole:
        return job.id;
    case RunningRole:
        return running(job);
    case Qt::DecorationRole:
        return index.column() == StageColumn && job.phase == JobState::Phase::Failed
                   ? QVariant(severityIcon(Severity::Error))
                   : QVariant();
    case Qt::DisplayRole:
    case Qt::ToolTipRole:
        break;
    default:
        return {};
    }
    switch (index.column()) {
    case TitleColumn:
        return job.title;
    case StageColumn:
        return jobStateText(job);
    case ProgressColumn:
        return progressText(job);
    case ElapsedColumn:
        return formatDuration(job.elapsedSeconds);
    case RemainingColumn:
        return running(job) ? job.remainingSeconds >= 0 ? formatDuration(job.remainingSeconds) : kNoValueText
                            : QString();
    default:
        return {};
    }
}

QVariant JobModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || section < 0 || section >= ColumnCount)
        return {};
    if (role == Qt::ToolTipRole && section == RemainingColumn)
        return tr("Estimated from the share of this stage that is done; — while unknown.");
    if (role != Qt::DisplayRole)
        return {};
    const char *titles[] = {"Job", "Stage", "Progress", "Elapsed", "Left", ""};
    return tr(titles[section]);
}

} // namespace qs::views
