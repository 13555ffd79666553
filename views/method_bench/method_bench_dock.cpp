#include "views/method_bench/method_bench_dock.h"

#include "views/method_bench/error_overlay.h"
#include "views/method_bench/layer_comparison_model.h"
#include "views/method_bench/run_scatter.h"
#include "views/method_bench/run_table_model.h"
#include "views/shared/table_tools.h"

#include <QAction>
#include <QComboBox>
#include <QHeaderView>
#include <QLabel>
#include <QPointer>
#include <QScopedValueRollback>
#include <QSortFilterProxyModel>
#include <QSplitter>
#include <QStandardItemModel>
#include <QTabWidget>
#include <QTableView>
#include <QVBoxLayout>

namespace qs::views {
namespace {

const QString kErrorTag = QStringLiteral("weight-errors");

constexpr int kTickBox = 12; // what the size hint of a cell with a tick box forgets

/// After the table has got its model: looks, and columns as wide as their content needs.
void setUpTable(QTableView &table) {
    table.setSelectionBehavior(QAbstractItemView::SelectRows);
    table.setSelectionMode(QAbstractItemView::SingleSelection);
    table.setAlternatingRowColors(true);
    table.setShowGrid(false);
    table.setWordWrap(false);
    table.setFrameShape(QFrame::NoFrame);
    table.setTabKeyNavigation(false);
    table.verticalHeader()->hide();
    table.verticalHeader()->setDefaultSectionSize(table.fontMetrics().height() + 6);
    table.horizontalHeader()->setHighlightSections(false);
    const auto fit = [&table] {
        for (int column = 0; column < table.model()->columnCount(); ++column)
            table.setColumnWidth(column, compactColumnWidth(table, column) + (column == 0 ? kTickBox : 0));
    };
    QObject::connect(table.model(), &QAbstractItemModel::modelReset, &table, fit, Qt::QueuedConnection);
    QObject::connect(table.model(), &QAbstractItemModel::dataChanged, &table, fit, Qt::QueuedConnection);
    QObject::connect(table.model(), &QAbstractItemModel::rowsInserted, &table, fit, Qt::QueuedConnection);
}

QSortFilterProxyModel *sorted(QAbstractItemModel &model, QTableView &table, int sortRole, QObject *parent) {
    auto *proxy = new QSortFilterProxyModel(parent);
    proxy->setSourceModel(&model);
    proxy->setSortRole(sortRole);
    table.setModel(proxy);
    table.setSortingEnabled(true);
    table.horizontalHeader()->setSortIndicatorClearable(true);
    table.sortByColumn(-1, Qt::AscendingOrder);
    return proxy;
}

QVBoxLayout *tightColumn(QWidget *widget) {
    auto *layout = new QVBoxLayout(widget);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    return layout;
}

/// A labelled choice above a page's content.
QHBoxLayout *choiceRow(const QString &label, QComboBox &choice) {
    auto *row = new QHBoxLayout;
    row->setContentsMargins(6, 4, 6, 4);
    choice.setSizeAdjustPolicy(QComboBox::AdjustToContents);
    auto *text = new QLabel(label);
    text->setBuddy(&choice);
    choice.setAccessibleName(label);
    row->addWidget(text);
    row->addWidget(&choice);
    row->addStretch();
    return row;
}

} // namespace

MethodBenchDock::MethodBenchDock(WorkbenchContext &context)
    : ViewDock(QStringLiteral("method_bench"), tr("Method bench"), context), m_runs(new RunTableModel(this)),
      m_layers(new LayerComparisonModel(this)), m_settings(new QStandardItemModel(this)),
      m_pages(new QTabWidget), m_warning(new QLabel) {
    m_warning->setWordWrap(true);
    m_warning->setMargin(4);
    m_pages->setDocumentMode(true);
    m_pages->addTab(makeScatterPage(), tr("Bits against metric"));
    m_pages->addTab(makeLayerPage(), tr("Layer by layer"));
    m_pages->addTab(makeErrorPage(), tr("Weight errors"));
    m_pages->addTab(makeSettingsPage(), tr("Settings that differ"));
    auto *top = new QWidget;
    auto *layout = tightColumn(top);
    layout->addWidget(m_warning);
    layout->addWidget(makeRunTable());
    auto *splitter = new QSplitter(Qt::Vertical);
    splitter->addWidget(top);
    splitter->addWidget(m_pages);
    splitter->setSizes({350, 650});
    setContent(splitter);
    connect(m_runs, &RunTableModel::compareWished, &context, &WorkbenchContext::setCompared,
            Qt::QueuedConnection);
    connect(m_pages, &QTabWidget::currentChanged, this, &MethodBenchDock::loadErrors);
}

QTableView *MethodBenchDock::makeRunTable() {
    m_runTable = new QTableView;
    m_runTable->setAccessibleName(tr("Finished runs"));
    m_sortedRuns = sorted(*m_runs, *m_runTable, RunTableModel::SortRole, this);
    setUpTable(*m_runTable);
    const auto showRun = [this](const QModelIndex &index) { context().showRun(numberAt(index)); };
    connect(m_runTable, &QTableView::doubleClicked, this, showRun);
    auto *show = new QAction(tr("Show in the other views"), m_runTable);
    show->setShortcuts({QKeySequence(Qt::Key_Return), QKeySequence(Qt::Key_Enter)});
    show->setShortcutContext(Qt::WidgetShortcut);
    connect(show, &QAction::triggered, this, [this, showRun] { showRun(m_runTable->currentIndex()); });
    auto *adopt = new QAction(tr("Use its recipe"), m_runTable);
    connect(adopt, &QAction::triggered, this,
            [this] { context().adoptRecipeOf(numberAt(m_runTable->currentIndex())); });
    auto *remove = new QAction(tr("Forget the run"), m_runTable);
    remove->setShortcut(QKeySequence::Delete);
    remove->setShortcutContext(Qt::WidgetShortcut);
    connect(remove, &QAction::triggered, this, &MethodBenchDock::removeCurrent);
    m_runTable->setContextMenuPolicy(Qt::ActionsContextMenu);
    m_runTable->addActions({show, adopt, remove, makeCopyAction(*m_runTable, RunTableModel::CopyRole)});
    return m_runTable;
}

QWidget *MethodBenchDock::makeScatterPage() {
    auto *page = new QWidget;
    m_metric = new QComboBox;
    m_scatter = new RunScatter;
    auto *layout = tightColumn(page);
    layout->addLayout(choiceRow(tr("Metric"), *m_metric));
    layout->addWidget(m_scatter, 1);
    connect(m_metric, &QComboBox::activated, this, &MethodBenchDock::refreshScatter);
    connect(m_scatter, &RunScatter::runClicked, &context(), &WorkbenchContext::showRun);
    return page;
}

QWidget *MethodBenchDock::makeLayerPage() {
    auto *page = new QWidget;
    m_figure = new QComboBox;
    for (const LayerFigure &figure : layerFigures()) {
        m_figure->addItem(tr("%1 [%2]").arg(QString::fromUtf8(figure.name), QString::fromUtf8(figure.unit)));
        m_figure->setItemData(m_figure->count() - 1, QString::fromUtf8(figure.formula), Qt::ToolTipRole);
    }
    connect(m_figure, &QComboBox::currentIndexChanged, m_layers, &LayerComparisonModel::setFigure);
    m_layerTable = new QTableView;
    m_layerTable->setAccessibleName(tr("Runs layer by layer"));
    m_sortedLayers = sorted(*m_layers, *m_layerTable, LayerComparisonModel::SortRole, this);
    setUpTable(*m_layerTable);
    m_layerTable->setContextMenuPolicy(Qt::ActionsContextMenu);
    m_layerTable->addAction(makeCopyAction(*m_layerTable, LayerComparisonModel::CopyRole));
    connect(m_layerTable->selectionModel(), &QItemSelectionModel::currentRowChanged, this,
            [this](const QModelIndex &current) {
                if (!m_following && current.isValid())
                    context().select(Selection::ofLayer(m_sortedLayers->mapToSource(current).row()));
            });
    auto *layout = tightColumn(page);
    layout->addLayout(choiceRow(tr("Figure"), *m_figure));
    layout->addWidget(m_layerTable, 1);
    return page;
}

QWidget *MethodBenchDock::makeErrorPage() {
    auto *page = new QWidget;
    m_errorNote = new QLabel;
    m_errorNote->setMargin(4);
    m_errorNote->setWordWrap(true);
    m_errors = new ErrorOverlay;
    auto *layout = tightColumn(page);
    layout->addWidget(m_errorNote);
    layout->addWidget(m_errors, 1);
    return page;
}

QWidget *MethodBenchDock::makeSettingsPage() {
    auto *table = new QTableView;
    table->setModel(m_settings);
    setUpTable(*table);
    table->setEditTriggers(QAbstractItemView::NoEditTriggers);
    table->setAccessibleName(tr("Settings that differ"));
    table->setContextMenuPolicy(Qt::ActionsContextMenu);
    table->addAction(makeCopyAction(*table, Qt::DisplayRole));
    return table;
}

int MethodBenchDock::numberAt(const QModelIndex &index) const {
    return index.isValid() ? index.data(RunTableModel::NumberRole).toInt() : 0;
}

void MethodBenchDock::removeCurrent() {
    context().forgetRun(numberAt(m_runTable->currentIndex()));
}

void MethodBenchDock::refresh() {
    const auto &entries = context().runs().entries();
    showEmptyState(entries.empty()
                       ? tr("No finished run yet.\n\nQuantize (F5) with one recipe, change it, and quantize "
                            "again:\nthe runs are compared here.")
                       : QString());
    const int current = numberAt(m_runTable->currentIndex());
    m_runs->setRuns(entries, context().run().get());
    if (const int row = m_runs->rowOf(current); row >= 0)
        m_runTable->setCurrentIndex(m_sortedRuns->mapFromSource(m_runs->index(row, 0)));
    m_layers->setRuns(context().model(), context().runs().compared());
    refreshWarning();
    refreshMetricChoice();
    refreshScatter();
    refreshSettings();
    selectionChanged();
}

void MethodBenchDock::refreshWarning() {
    std::vector<std::shared_ptr<const Run>> runs;
    for (const RunEntry &entry : context().runs().compared())
        runs.push_back(entry.run);
    const Status comparable = checkComparable(runs);
    m_warning->setVisible(!comparable);
    if (!comparable)
        m_warning->setText(tr("⚠ %1. Untick one, or run its recipe again.")
                               .arg(QString::fromStdString(comparable.error().message)));
}

void MethodBenchDock::refreshMetricChoice() {
    const QString before = m_metric->currentData().toString();
    m_metric->clear();
    for (const ComparisonColumn &column : m_runs->columns()) {
        if (column.id == "effective_bits")
            continue;
        m_metric->addItem(QString::fromStdString(column.name), QString::fromStdString(column.id));
        m_metric->setItemData(m_metric->count() - 1, QString::fromStdString(column.explanation),
                              Qt::ToolTipRole);
    }
    for (const QString &wanted :
         {before, QStringLiteral("perplexity"), QStringLiteral("top1"), QStringLiteral("kl")})
        if (const int index = wanted.isEmpty() ? -1 : m_metric->findData(wanted); index >= 0) {
            m_metric->setCurrentIndex(index);
            break;
        }
}

void MethodBenchDock::refreshScatter() {
    const std::vector<RunEntry> runs = context().runs().compared();
    std::vector<std::shared_ptr<const Run>> plain;
    for (const RunEntry &entry : runs)
        plain.push_back(entry.run);
    const std::vector<ComparisonColumn> columns = compareRuns(plain);
    const auto column = [&](const std::string &id) {
        return std::find_if(columns.begin(), columns.end(),
                            [&](const auto &other) { return other.id == id; });
    };
    const auto bits = column("effective_bits"),
               figure = column(m_metric->currentData().toString().toStdString());
    if (bits == columns.end() || figure == columns.end())
        return m_scatter->clear();
    m_scatter->setRuns(runs, context().run().get(), *bits, *figure);
}

void MethodBenchDock::refreshSettings() {
    m_settings->clear();
    QStringList header{tr("Setting")};
    std::vector<Recipe> recipes;
    for (const RunEntry &entry : context().runs().compared()) {
        header << QString::fromStdString(entry.title());
        recipes.push_back(entry.run->recipe);
    }
    m_settings->setHorizontalHeaderLabels(header);
    for (const RecipeDifference &difference : diffRecipes(recipes)) {
        QList<QStandardItem *> row{new QStandardItem(QString::fromStdString(difference.path))};
        for (const std::string &value : difference.values)
            row << new QStandardItem(QString::fromStdString(value));
        m_settings->appendRow(row);
    }
}

void MethodBenchDock::selectionChanged() {
    const QScopedValueRollback following(m_following, true);
    const LayerId layer = context().selection().layer;
    if (layer >= 0 && layer < m_layers->rowCount())
        m_layerTable->setCurrentIndex(m_sortedLayers->mapFromSource(m_layers->index(layer, 0)));
    loadErrors();
}

void MethodBenchDock::loadErrors() {
    const auto model = context().model();
    const LayerId layer = context().selection().layer;
    const std::vector<RunEntry> runs = context().runs().compared();
    if (m_pages->currentWidget() != m_errors->parentWidget())
        return;
    if (!model || layer < 0 || layer >= m_layers->rowCount() || runs.empty()) {
        m_errors->setData(nullptr);
        m_errorNote->setText(tr("Select a layer and tick at least one run."));
        return;
    }
    auto data = std::make_shared<std::shared_ptr<const ErrorOverlayData>>();
    context().jobs().start(
        kErrorTag,
        tr("Weight errors of %1")
            .arg(QString::fromStdString(model->layers[static_cast<std::size_t>(layer)].name)),
        [model, layer, runs, data](const RunContext &ctx) -> Status {
            QS_TRY(*data, prepareErrorOverlay(*model, layer, runs, ctx));
            return {};
        },
        [self = QPointer(this), data](const Status &status) {
            if (!self)
                return;
            self->m_errors->setData(status ? *data : nullptr);
            QString note = status ? QString::fromStdString((*data)->layer)
                                  : QString::fromStdString(status.error().text());
            if (status && !(*data)->left.empty())
                note += tr(" · in float or failed: %1").arg(static_cast<int>((*data)->left.size()));
            self->m_errorNote->setText(note);
        });
}

} // namespace qs::views
