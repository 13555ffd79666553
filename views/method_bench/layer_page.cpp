#include "views/method_bench/layer_page.h"

#include "views/method_bench/layer_comparison_model.h"
#include "views/shared/find_bar.h"
#include "views/shared/table_tools.h"

#include <QAction>
#include <QComboBox>
#include <QScopedValueRollback>
#include <QSortFilterProxyModel>
#include <QTableView>
#include <QVBoxLayout>

namespace qs::views {

LayerPage::LayerPage(WorkbenchContext &context)
    : BenchPage(context), m_layers(new LayerComparisonModel(this)), m_table(new QTableView),
      m_sorted(sortTable(*m_layers, *m_table, LayerComparisonModel::SortRole)) {
    auto *figures = new QComboBox;
    for (const LayerFigure &figure : layerFigures()) {
        figures->addItem(tr("%1 [%2]").arg(QString::fromUtf8(figure.name), QString::fromUtf8(figure.unit)));
        figures->setItemData(figures->count() - 1, QString::fromUtf8(figure.formula), Qt::ToolTipRole);
    }
    connect(figures, &QComboBox::currentIndexChanged, m_layers, &LayerComparisonModel::setFigure);
    setUpTable(*m_table, tr("Runs layer by layer"), LayerComparisonModel::CopyRole);
    keepColumnsCompact(*m_table);
    connect(m_table->selectionModel(), &QItemSelectionModel::currentRowChanged, this,
            [this](const QModelIndex &current) {
                if (!m_following && current.isValid())
                    this->context().select(Selection::ofLayer(m_sorted->mapToSource(current).row()));
            });
    QVBoxLayout *column = makeColumn();
    addChoice(*column, tr("Figure"), *figures);
    column->addWidget(withFindBar(*m_table), 1);
}

void LayerPage::refresh() {
    const QScopedValueRollback following(m_following, true);
    m_layers->setRuns(context().model(), context().runs().compared());
    if (const Layer *layer = selectedLayer())
        showRow(*m_table, *m_sorted, static_cast<int>(layer->id));
}

} // namespace qs::views
