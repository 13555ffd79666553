#pragma once

class QAction;
class QSortFilterProxyModel;
class QTableView;

namespace qs::views {

/// An action (Ctrl+C) that copies header and selected rows of a table, or all rows when none is selected, as
/// TSV. \param role  gives the text of a cell; headers come from Qt::DisplayRole
QAction *makeCopyAction(QTableView &table, int role);

/// What a column needs for its cells and the longest line of its header. Room for the sort arrow is given to
/// the sorted column only: a table of many columns has none to spare.
int compactColumnWidth(const QTableView &table, int column);

/// Makes a row of the source model the current one and scrolls to it; a negative row clears the selection.
void showRow(QTableView &table, const QSortFilterProxyModel &sorted, int sourceRow);

} // namespace qs::views
