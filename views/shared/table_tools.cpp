#include "views/shared/table_tools.h"

#include <QAction>
#include <QApplication>
#include <QClipboard>
#include <QHeaderView>
#include <QSortFilterProxyModel>
#include <QTableView>

namespace qs::views {
namespace {

QString line(const QAbstractItemModel &model, const std::function<QVariant(int)> &cell) {
    QStringList cells;
    for (int column = 0; column < model.columnCount(); ++column)
        cells << cell(column).toString().replace('\n', ' ').replace('\t', ' ');
    return cells.join('\t') + '\n';
}

std::vector<int> rowsToCopy(const QTableView &table) {
    std::vector<int> rows;
    for (const QModelIndex &index : table.selectionModel()->selectedRows())
        rows.push_back(index.row());
    if (rows.empty())
        for (int row = 0; row < table.model()->rowCount(); ++row)
            rows.push_back(row);
    std::sort(rows.begin(), rows.end());
    return rows;
}

} // namespace

QAction *makeCopyAction(QTableView &table, int role) {
    auto *copy = new QAction(QObject::tr("Copy rows as text"), &table);
    copy->setShortcut(QKeySequence::Copy);
    copy->setShortcutContext(Qt::WidgetWithChildrenShortcut);
    QObject::connect(copy, &QAction::triggered, &table, [&table, role] {
        const QAbstractItemModel &model = *table.model();
        QString text = line(model, [&](int column) { return model.headerData(column, Qt::Horizontal); });
        for (const int row : rowsToCopy(table))
            text += line(model, [&](int column) { return model.index(row, column).data(role); });
        QApplication::clipboard()->setText(text);
    });
    return copy;
}

void setUpTable(QTableView &table, const QString &accessibleName, int copyRole) {
    table.setAccessibleName(accessibleName);
    table.setSelectionBehavior(QAbstractItemView::SelectRows);
    table.setSelectionMode(QAbstractItemView::SingleSelection);
    table.setEditTriggers(QAbstractItemView::NoEditTriggers);
    table.setAlternatingRowColors(true);
    table.setShowGrid(false);
    table.setWordWrap(false);
    table.setTextElideMode(Qt::ElideMiddle);
    table.setFrameShape(QFrame::NoFrame);
    table.setTabKeyNavigation(false);
    table.verticalHeader()->hide();
    table.verticalHeader()->setDefaultSectionSize(table.fontMetrics().height() + 6);
    table.horizontalHeader()->setHighlightSections(false);
    table.setContextMenuPolicy(Qt::ActionsContextMenu);
    table.addAction(makeCopyAction(table, copyRole));
}

QSortFilterProxyModel *sortTable(QAbstractItemModel &model, QTableView &table, int sortRole) {
    auto *proxy = new QSortFilterProxyModel(&table);
    proxy->setSourceModel(&model);
    proxy->setSortRole(sortRole);
    table.setModel(proxy);
    table.setSortingEnabled(true);
    table.horizontalHeader()->setSortIndicatorClearable(true);
    table.sortByColumn(-1, Qt::AscendingOrder);
    return proxy;
}

void keepColumnsCompact(QTableView &table, int extraForFirst) {
    const auto fit = [&table, extraForFirst] {
        for (int column = 0; column < table.model()->columnCount(); ++column)
            table.setColumnWidth(column,
                                 compactColumnWidth(table, column) + (column == 0 ? extraForFirst : 0));
    };
    using Model = QAbstractItemModel;
    QObject::connect(table.model(), &Model::modelReset, &table, fit, Qt::QueuedConnection);
    QObject::connect(table.model(), &Model::dataChanged, &table, fit, Qt::QueuedConnection);
    QObject::connect(table.model(), &Model::rowsInserted, &table, fit, Qt::QueuedConnection);
}

int compactColumnWidth(const QTableView &table, int column) {
    constexpr int kMargins = 12, kSortArrow = 18;
    const QHeaderView &header = *table.horizontalHeader();
    int width = 0;
    for (const QString &line : table.model()->headerData(column, Qt::Horizontal).toString().split('\n'))
        width = std::max(width, header.fontMetrics().horizontalAdvance(line));
    width += kMargins + (header.sortIndicatorSection() == column ? kSortArrow : 0);
    return std::max(width, static_cast<const QAbstractItemView &>(table).sizeHintForColumn(column));
}

void showRow(QTableView &table, const QSortFilterProxyModel &sorted, int sourceRow) {
    if (sourceRow < 0) {
        table.clearSelection();
        table.setCurrentIndex({});
        return;
    }
    const QModelIndex index = sorted.mapFromSource(sorted.sourceModel()->index(sourceRow, 0));
    table.setCurrentIndex(index);
    table.scrollTo(index);
}

} // namespace qs::views
