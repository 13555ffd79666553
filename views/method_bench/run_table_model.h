#pragma once

#include "core/session/run_comparison.h"
#include "core/session/run_history.h"

#include <QAbstractTableModel>

namespace qs::views {

/// A row a finished run, a column a figure; the best of the ticked runs wears a star.
class RunTableModel final : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Role { SortRole = Qt::UserRole, NumberRole, CopyRole };

    using QAbstractTableModel::QAbstractTableModel;
    /// \param shown  the run that the other views show; may be null or unfinished
    void setRuns(std::vector<RunEntry> runs, const Run *shown);
    const std::vector<ComparisonColumn> &columns() const { return m_columns; }
    int rowOf(int number) const;

    int rowCount(const QModelIndex &parent = {}) const override;
    int columnCount(const QModelIndex &parent = {}) const override;
    QVariant data(const QModelIndex &index, int role) const override;
    bool setData(const QModelIndex &index, const QVariant &value, int role) override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
    Qt::ItemFlags flags(const QModelIndex &index) const override;

signals:
    void compareWished(int number, bool compared);

private:
    const RunEntry &entry(int row) const { return m_runs[static_cast<std::size_t>(row)]; }
    QVariant runData(int row, int role) const;
    QString text(int row, const ComparisonColumn &column) const;
    bool isBest(int row, int column) const;

    std::vector<RunEntry> m_runs;
    const Run *m_shown = nullptr; ///< compared only
    std::vector<ComparisonColumn> m_columns;
    std::vector<std::vector<bool>> m_best; ///< [columns][rows]
};

} // namespace qs::views
