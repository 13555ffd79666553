#include "views/findings/findings_dock.h"

#include "views/shared/find_bar.h"
#include "views/shared/table_tools.h"

#include <QAction>
#include <QHeaderView>
#include <QSortFilterProxyModel>
#include <QTableView>

namespace qs::views {

FindingsDock::FindingsDock(WorkbenchContext &context, QWidget *parent)
    : ViewDock(QStringLiteral("findings"), tr("Findings"), context, parent), m_model(new FindingModel(this)),
      m_table(new QTableView) {
    auto *proxy = new QSortFilterProxyModel(this);
    proxy->setSourceModel(m_model);
    proxy->setSortRole(FindingModel::SortRole);
    m_table->setModel(proxy);
    m_table->setSortingEnabled(true);
    m_table->horizontalHeader()->setSortIndicatorClearable(true);
    m_table->sortByColumn(-1, Qt::AscendingOrder);
    m_table->setSelectionBehavior(QAbstractItemView::SelectRows);
    m_table->setShowGrid(false);
    m_table->setAlternatingRowColors(true);
    m_table->setFrameShape(QFrame::NoFrame);
    m_table->setTabKeyNavigation(false);
    m_table->verticalHeader()->hide();
    m_table->verticalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
    QHeaderView *header = m_table->horizontalHeader();
    header->setHighlightSections(false);
    header->setSectionResizeMode(QHeaderView::Interactive);
    header->setSectionResizeMode(FindingModel::SeverityColumn, QHeaderView::ResizeToContents);
    header->setSectionResizeMode(FindingModel::CountColumn, QHeaderView::ResizeToContents);
    header->setSectionResizeMode(FindingModel::WhatColumn, QHeaderView::Stretch);
    header->setSectionResizeMode(FindingModel::ActionColumn, QHeaderView::Stretch);
    header->resizeSection(FindingModel::WhereColumn, 160);
    connect(m_table, &QTableView::doubleClicked, this, &FindingsDock::jump);

    m_table->setContextMenuPolicy(Qt::ActionsContextMenu);
    addCopyActions(*m_table, Qt::DisplayRole);
    auto *clear = new QAction(tr("Clear list"), m_table);
    connect(clear, &QAction::triggered, &context, &WorkbenchContext::clearFindings);
    m_table->addAction(clear);
    setContent(withFindBar(*m_table));
    connect(&context, &WorkbenchContext::findingsChanged, this, &FindingsDock::refresh);
}

void FindingsDock::setActive(bool active) {
    m_active = active;
    if (active)
        refresh();
}

void FindingsDock::refresh() {
    const auto entries = context().findings()->snapshot();
    // The tab tells how many there are even while another tab covers this view.
    setWindowTitle(entries.empty() ? tr("Findings") : tr("Findings (%1)").arg(entries.size()));
    if (!m_active)
        return;
    m_model->setEntries(entries);
    showEmptyState(entries.empty() ? tr("Nothing to report.") : QString());
}

void FindingsDock::jump(const QModelIndex &index) {
    const std::string where = index.siblingAtColumn(0).data(FindingModel::WhereRole).toString().toStdString();
    const Layer *layer = context().model() ? context().model()->findLayer(where) : nullptr;
    if (layer != nullptr)
        context().select(Selection::ofLayer(layer->id));
}

} // namespace qs::views
