#pragma once

#include <QModelIndex>
#include <vector>

class QAbstractItemView;
class QAction;
class QSortFilterProxyModel;
class QString;
class QTableView;

namespace qs::views {

/// Every row of a table or tree, in the order in which they are shown.
std::vector<QModelIndex> rowsOf(const QAbstractItemModel &model);

/// Adds actions that copy, as TSV under the header, the selected rows (Ctrl+C; all when none is selected),
/// the current cell, or the whole table. \param role  gives the text of a cell \return the first of them,
/// "copy_rows"; the others are "copy_cell" and "copy_table"
QAction *addCopyActions(QAbstractItemView &view, int role);

/// Gives a table, after it has got its model, the looks and manners that all share: whole rows are selected,
/// one line a row, no grid, Ctrl+C and the context menu copy. \param copyRole  see addCopyActions()
void setUpTable(QTableView &table, const QString &accessibleName, int copyRole);

/// Shows the model sorted by a click on a header; unsorted at first, and after a third click.
QSortFilterProxyModel *sortTable(QAbstractItemModel &model, QTableView &table, int sortRole);

/// Keeps columns as wide as compactColumnWidth() says whenever the model changes.
/// \param extraForFirst  what the size hint of a cell with a tick box forgets
void keepColumnsCompact(QTableView &table, int extraForFirst = 0);

/// What a column needs for its cells and the longest line of its header. Room for the sort arrow is given to
/// the sorted column only: a table of many columns has none to spare.
int compactColumnWidth(const QTableView &table, int column);

/// Makes a row of the source model the current one and scrolls to it; a negative row clears the selection.
void showRow(QTableView &table, const QSortFilterProxyModel &sorted, int sourceRow);

} // namespace qs::views
