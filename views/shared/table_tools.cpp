#include "views/shared/table_tools.h"

#include <QAction>
#include <QApplication>
#include <QClipboard>
#include <QHeaderView>
#include <QSortFilterProxyModel>
#include <QTableView>

namespace qs::views {
namespace {

QString cleaned(const QVariant &cell) {
    return cell.toString().replace('\n', ' ').replace('\t', ' ');
}

void appendRows(const QAbstractItemModel &model, const QModelIndex &parent, std::vector<QModelIndex> &rows) {
    for (int row = 0; row < model.rowCount(parent); ++row) {
        const QModelIndex index = model.index(row, 0, parent);
        rows.push_back(index);
        appendRows(model, index, rows);
    }
}

int depthOf(QModelIndex index) {
    int depth = 0;
    while ((index = index.parent()).isValid())
        ++depth;
    return depth;
}

/// Header and rows as TSV; what is inside something is indented.
QString asText(const QAbstractItemModel &model, const std::vector<QModelIndex> &rows, int role) {
    QStringList cells;
    for (int column = 0; column < model.columnCount(); ++column)
        cells << cleaned(model.headerData(column, Qt::Horizontal));
    QString text = cells.join('\t') + '\n';
    for (const QModelIndex &row : rows) {
        cells.clear();
        for (int column = 0; column < model.columnCount(); ++column)
            cells << cleaned(row.siblingAtColumn(column).data(role));
        text += QString(2 * depthOf(row), ' ') + cells.join('\t') + '\n';
    }
    return text;
}

QAction *addAction(QAbstractItemView &view, const QString &text, std::function<QString()> copied) {
    auto *action = new QAction(text, &view);
    QObject::connect(action, &QAction::triggered, &view,
                     [copied = std::move(copied)] { QApplication::clipboard()->setText(copied()); });
    view.addAction(action);
    return action;
}

} // namespace

std::vector<QModelIndex> rowsOf(const QAbstractItemModel &model) {
    std::vector<QModelIndex> rows;
    appendRows(model, {}, rows);
    return rows;
}

QAction *addCopyActions(QAbstractItemView &view, int role) {
    auto *copy = addAction(view, QObject::tr("Copy rows as text"), [&view, role] {
        std::vector<QModelIndex> rows = rowsOf(*view.model());
        if (view.selectionModel()->hasSelection())
            std::erase_if(rows, [&](const QModelIndex &row) {
                return !view.selectionModel()->rowIntersectsSelection(row.row(), row.parent());
            });
        return asText(*view.model(), rows, role);
    });
    copy->setObjectName(QStringLiteral("copy_rows"));
    copy->setShortcut(QKeySequence::Copy);
    copy->setShortcutContext(Qt::WidgetWithChildrenShortcut);
    addAction(view, QObject::tr("Copy cell"), [&view, role] {
        return view.currentIndex().data(role).toString();
    })->setObjectName(QStringLiteral("copy_cell"));
    addAction(view, QObject::tr("Copy table as TSV"), [&view, role] {
        return asText(*view.model(), rowsOf(*view.model()), role);
    })->setObjectName(QStringLiteral("copy_table"));
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
    addCopyActions(table, copyRole);
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
