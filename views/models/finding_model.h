#pragma once

#include "core/base/finding.h"

#include <QAbstractTableModel>

namespace qs::views {

/// The findings of the workbench, one row each.
class FindingModel final : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column { SeverityColumn, CountColumn, WhatColumn, WhereColumn, ActionColumn, ColumnCount };
    enum Role { SortRole = Qt::UserRole, WhereRole };

    using QAbstractTableModel::QAbstractTableModel;
    void setEntries(std::vector<FindingList::Entry> entries);

    int rowCount(const QModelIndex &parent = {}) const override;
    int columnCount(const QModelIndex &parent = {}) const override;
    QVariant data(const QModelIndex &index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

private:
    std::vector<FindingList::Entry> m_entries;
};

} // namespace qs::views
