#pragma once

#include "views/shared/job_list.h"

#include <QAbstractTableModel>

namespace qs::views {

/// The jobs of a JobList, newest first.
class JobModel final : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column {
        TitleColumn,
        StageColumn,
        ProgressColumn,
        ElapsedColumn,
        RemainingColumn,
        CancelColumn,
        ColumnCount
    };
    /// ShareRole: 0..1 of the stage, -1 when unknown; JobIdRole; RunningRole.
    enum Role { ShareRole = Qt::UserRole, JobIdRole, RunningRole };

    using QAbstractTableModel::QAbstractTableModel;
    /// Keeps rows whose jobs are the same, so that selection and scroll stay while progress is shown.
    void setJobs(std::vector<JobState> jobs);

    int rowCount(const QModelIndex &parent = {}) const override;
    int columnCount(const QModelIndex &parent = {}) const override;
    QVariant data(const QModelIndex &index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

private:
    std::vector<JobState> m_jobs;
};

/// "Running 42 %", "Cancelled", "Failed: …": what a job's stage column and the status bar say.
QString jobStateText(const JobState &job);

} // namespace qs::views
