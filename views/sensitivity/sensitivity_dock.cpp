#include "views/sensitivity/sensitivity_dock.h"

#include "views/sensitivity/sensitivity_chart.h"
#include "views/sensitivity/sensitivity_controls.h"
#include "views/sensitivity/sensitivity_model.h"
#include "views/shared/find_bar.h"
#include "views/shared/table_tools.h"
#include "views/shared/turning_splitter.h"

#include <QHeaderView>
#include <QLabel>
#include <QPainter>
#include <QSortFilterProxyModel>
#include <QStackedWidget>
#include <QStyledItemDelegate>
#include <QTableView>
#include <QVBoxLayout>

namespace qs::views {

namespace {

/// Table and chart, as shares of the room, not pixels.
const QList<int> kShares = {1100, 900};

/// Keeps the heat colours of the selected row and frames it instead of painting over them.
class HeatCellDelegate : public QStyledItemDelegate {
public:
    using QStyledItemDelegate::QStyledItemDelegate;
    void paint(QPainter *painter, const QStyleOptionViewItem &option,
               const QModelIndex &index) const override {
        QStyleOptionViewItem plain(option);
        const bool selected = plain.state.testFlag(QStyle::State_Selected);
        plain.state &= ~(QStyle::State_Selected | QStyle::State_HasFocus);
        QStyledItemDelegate::paint(painter, plain, index);
        if (!selected)
            return;
        painter->save();
        painter->setPen(QPen(option.palette.color(QPalette::Highlight), 2));
        const QRect cell = option.rect;
        painter->drawLine(cell.left(), cell.top() + 1, cell.right(), cell.top() + 1);
        painter->drawLine(cell.left(), cell.bottom(), cell.right(), cell.bottom());
        if (index.column() == 0)
            painter->drawLine(cell.left() + 1, cell.top(), cell.left() + 1, cell.bottom());
        if (index.column() == index.model()->columnCount() - 1)
            painter->drawLine(cell.right(), cell.top(), cell.right(), cell.bottom());
        painter->restore();
    }
};

} // namespace

SensitivityDock::SensitivityDock(WorkbenchContext &context)
    : ViewDock(QStringLiteral("sensitivity"), tr("Sensitivity"), context),
      m_model(new SensitivityModel(this)), m_sorted(new QSortFilterProxyModel(this)),
      m_controls(new SensitivityControls(context.methods())), m_pages(new QStackedWidget),
      m_message(new QLabel), m_status(new QLabel), m_table(new QTableView),
      m_chart(new SensitivityChart(*m_model)) {
    m_message->setWordWrap(true);
    m_message->setAlignment(Qt::AlignCenter);
    m_message->setMargin(24);
    m_status->setMargin(4);
    m_status->setWordWrap(true);
    m_status->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    m_pages->addWidget(m_message);
    m_pages->addWidget(makeResults());
    auto *content = new QWidget;
    auto *layout = new QVBoxLayout(content);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(m_controls);
    layout->addWidget(m_pages, 1);
    layout->addWidget(m_status);
    setContent(content);

    connect(m_controls, &SensitivityControls::metricChanged, this, [this] {
        m_model->setMetric(sensitivityMetrics()[static_cast<std::size_t>(m_controls->metricIndex())]);
        m_chart->refresh();
        updateState();
    });
    connect(m_controls, &SensitivityControls::measureWanted, this,
            [this] { this->context().startSensitivity(m_controls->options(this->context().recipe())); });
    connect(m_controls, &SensitivityControls::stopWanted, this,
            [this] { this->context().jobs().cancelTag(kSensitivityTag); });
    connect(&context.jobs(), &JobList::changed, this, &SensitivityDock::updateState);
    connect(m_chart, &SensitivityChart::layerClicked, this, &SensitivityDock::selectLayer);
}

QWidget *SensitivityDock::makeResults() {
    m_sorted->setSourceModel(m_model);
    m_sorted->setSortRole(SensitivityModel::SortRole);
    m_table->setModel(m_sorted);
    m_table->setItemDelegate(new HeatCellDelegate(m_table));
    m_table->setSortingEnabled(true);
    m_table->sortByColumn(0, Qt::AscendingOrder);
    setUpTable(*m_table, tr("Layers by bit-width"), Qt::DisplayRole);
    m_table->setShowGrid(true); // between cells of like colour
    connect(m_table->selectionModel(), &QItemSelectionModel::currentRowChanged, this,
            [this](const QModelIndex &current) {
                if (current.isValid() && !m_followingSelection)
                    selectLayer(current.data(SensitivityModel::LayerIdRole).toInt());
            });
    connect(m_sorted, &QAbstractItemModel::modelReset, this, [this] {
        QHeaderView *header = m_table->horizontalHeader();
        // Names keep their place in a narrow dock: there the table scrolls.
        header->setMaximumSectionSize(220);
        header->setSectionResizeMode(QHeaderView::ResizeToContents);
    });
    auto *splitter = new TurningSplitter(1.2, kShares);
    splitter->addWidget(withFindBar(*m_table));
    splitter->addWidget(m_chart);
    return splitter;
}

void SensitivityDock::refresh() {
    m_model->setTable(context().model(), context().sensitivity());
    m_chart->refresh();
    updateState();
}

QString SensitivityDock::transformsText(const SensitivityTable &table) const {
    QStringList names;
    for (const auto &[method, version] : table.methodVersions)
        if (context().methods().findTransform(method))
            names << QString::fromStdString(method);
    return names.isEmpty() ? QString()
                           : tr(" · after the transforms of its recipe (%1)").arg(names.join(tr(", ")));
}

QString SensitivityDock::noMetricText(const SensitivityTable &table) const {
    const MetricInfo *info = findMetric(m_model->metric().id.toStdString());
    const std::string why =
        info && table.complete ? whyNoMetric(table.baseline, info->metric) : std::string();
    return why.empty() ? QString() : QStringLiteral(" · ") + QString::fromStdString(why);
}

void SensitivityDock::updateState() {
    const bool running = context().jobs().isRunning(kSensitivityTag);
    const QString whyNot = context().whyNotSensitivity();
    m_controls->setState(running, whyNot);
    const bool hasTable = m_model->rowCount() > 0;
    m_pages->setCurrentIndex(hasTable ? 1 : 0);
    m_message->setText(running ? tr("Measuring; rows appear layer by layer.")
                       : !whyNot.isEmpty()
                           ? whyNot
                           : tr("Nothing measured yet. Choose bit-widths and a method above, then press "
                                "Measure: each layer is quantized alone, all others stay in float."));
    if (!hasTable) {
        m_status->clear();
        return;
    }
    const SensitivityTable &table = *m_model->table();
    const int measured = m_model->measuredRows();
    m_status->setText((table.complete
                           ? tr("%1 layers").arg(m_model->rowCount())
                           : tr("partial: %1 of %2 layers").arg(measured).arg(m_model->rowCount())) +
                      tr(" · %1 samples · each layer alone, all others in float").arg(table.samples) +
                      transformsText(table) + noMetricText(table));
}

void SensitivityDock::selectionChanged() {
    const LayerId layer = context().selection().layer;
    m_chart->setSelectedLayer(layer);
    m_followingSelection = true;
    showRow(*m_table, *m_sorted, m_model->rowOfLayer(layer));
    m_followingSelection = false;
}

void SensitivityDock::selectLayer(LayerId layer) {
    context().select(Selection::ofLayer(layer));
}

} // namespace qs::views
