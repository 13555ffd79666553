#pragma once

#include "core/session/sweep/sweep_table.h"

#include <QAbstractTableModel>

namespace qs::views {

/// The results of a sweep: a row a job, in the order of the file.
class SweepTableModel final : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Role { SortRole = Qt::UserRole, CopyRole };

    using QAbstractTableModel::QAbstractTableModel;
    /// Null clears the table.
    void setResults(std::shared_ptr<const SweepResults> results);
    /// nullptr when there is no such row.
    const SweepRecord *record(int row) const;
    const TextCells &cells() const { return m_cells; }

    int rowCount(const QModelIndex &parent = {}) const override;
    int columnCount(const QModelIndex &parent = {}) const override;
    QVariant data(const QModelIndex &index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

private:
    QString shownText(const QModelIndex &index) const;
    QString toolTip(const QModelIndex &index) const;

    std::shared_ptr<const SweepResults> m_results;
    TextCells m_cells;
};

} // namespace qs::views
