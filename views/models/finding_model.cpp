#include "views/models/finding_model.h"

#include "views/shared/icons.h"

namespace qs::views {

void FindingModel::setEntries(std::vector<FindingList::Entry> entries) {
    beginResetModel();
    m_entries = std::move(entries);
    endResetModel();
}

int FindingModel::rowCount(const QModelIndex &parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_entries.size());
}

int FindingModel::columnCount(const QModelIndex &parent) const {
    return parent.isValid() ? 0 : ColumnCount;
}

QVariant FindingModel::data(const QModelIndex &index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid))
        return {};
    const auto &[finding, count] = m_entries[static_cast<std::size_t>(index.row())];
    if (role == Qt::DecorationRole && index.column() == SeverityColumn)
        return severityIcon(finding.severity);
    if (role == WhereRole)
        return QString::fromStdString(finding.where);
    if (role == SortRole && index.column() == SeverityColumn)
        return static_cast<int>(finding.severity);
    if (role == SortRole && index.column() == CountColumn)
        return count;
    if (role != Qt::DisplayRole && role != SortRole && role != Qt::ToolTipRole)
        return {};
    switch (index.column()) {
    case SeverityColumn:
        return QString::fromLatin1(severityName(finding.severity));
    case CountColumn:
        return count > 1 ? QStringLiteral("%1×").arg(count) : QString();
    case WhatColumn:
        return QString::fromStdString(finding.what);
    case WhereColumn:
        return QString::fromStdString(finding.where);
    case ActionColumn:
        return QString::fromStdString(finding.action);
    default:
        return {};
    }
}

QVariant FindingModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || role != Qt::DisplayRole || section < 0 || section >= ColumnCount)
        return {};
    const char *titles[] = {"Severity", "Count", "What", "Where", "What to do"};
    return tr(titles[section]);
}

} // namespace qs::views
