#include "views/layer_table/layer_table_dock.h"

#include "core/graph/weight_difference.h"
#include "views/commands/recipe_commands.h"
#include "views/shared/find_expression.h"
#include "views/shared/format_text.h"
#include "views/shared/latest_value.h"
#include "views/shared/table_tools.h"

#include <QAction>
#include <QApplication>
#include <QComboBox>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QPointer>
#include <QScopedValueRollback>
#include <QTableView>
#include <QVBoxLayout>

namespace qs::views {
namespace {

/// The first output metrics that the context knows of: they tell which metrics the model's outputs allow.
const OutputMetrics *anyMetrics(const WorkbenchContext &context) {
    if (context.run()) {
        for (const auto &layer : context.run()->layers) {
            if (layer && layer->network)
                return &*layer->network;
        }
    }
    if (context.sensitivity()) {
        for (const auto &cell : context.sensitivity()->cells) {
            if (cell)
                return &cell->network;
        }
    }
    return nullptr;
}

} // namespace

LayerTableDock::LayerTableDock(WorkbenchContext &context, QWidget *parent)
    : ViewDock(QStringLiteral("layer_table"), tr("Layers"), context, parent),
      m_model(new LayerTableModel(this)), m_proxy(new LayerTableProxy(this)), m_table(new QTableView) {
    auto *content = new QWidget;
    auto *layout = new QVBoxLayout(content);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(makeToolBar());
    layout->addWidget(m_table);
    setUpTable();
    addActions();
    setContent(content);
}

QWidget *LayerTableDock::makeToolBar() {
    auto *bar = new QWidget;
    auto *layout = new QHBoxLayout(bar);
    layout->setContentsMargins(6, 4, 6, 4);
    m_filter = new QLineEdit;
    m_filter->setPlaceholderText(tr("Filter by name, kind or method, regular expression (Ctrl+F)"));
    m_filter->setClearButtonEnabled(true);
    m_filter->setAccessibleName(tr("Filter layers"));
    connect(m_filter, &QLineEdit::textChanged, this, &LayerTableDock::applyFilter);
    m_count = new QLabel;
    m_metric = new QComboBox;
    m_metric->setAccessibleName(tr("Metric"));
    m_metric->setToolTip(tr("Metric of the columns Network and Sensitivity"));
    for (const MetricInfo &info : allMetrics()) {
        m_metric->addItem(QString::fromUtf8(info.name), static_cast<int>(info.metric));
        m_metric->setItemData(m_metric->count() - 1, QString::fromUtf8(info.formula), Qt::ToolTipRole);
    }
    m_metric->setCurrentIndex(m_metric->findData(static_cast<int>(Metric::Kl)));
    m_bits = new QComboBox;
    m_bits->setAccessibleName(tr("Sensitivity bits"));
    m_bits->setToolTip(tr("Bit-width of the column Sensitivity"));
    for (const int bits : {2, 3, 4, 8})
        m_bits->addItem(tr("%1 bit").arg(bits), bits);
    m_bits->setCurrentIndex(m_bits->findData(4));
    connect(m_metric, &QComboBox::activated, this, &LayerTableDock::chooseMetric);
    connect(m_bits, &QComboBox::activated, this, &LayerTableDock::updateTable);
    layout->addWidget(m_filter, 1);
    layout->addWidget(m_count);
    layout->addSpacing(8);
    layout->addWidget(m_metric);
    layout->addWidget(m_bits);
    return bar;
}

void LayerTableDock::setUpTable() {
    m_proxy->setSourceModel(m_model);
    m_proxy->setSortRole(LayerTableModel::SortRole);
    m_table->setModel(m_proxy);
    m_table->setSortingEnabled(true);
    // The order of the network until a header is clicked; a third click returns to it.
    m_table->horizontalHeader()->setSortIndicatorClearable(true);
    m_table->sortByColumn(-1, Qt::AscendingOrder);
    m_table->setSelectionBehavior(QAbstractItemView::SelectRows);
    m_table->setSelectionMode(QAbstractItemView::ExtendedSelection);
    m_table->setAlternatingRowColors(true);
    m_table->setShowGrid(false);
    m_table->setWordWrap(false);
    m_table->setTextElideMode(Qt::ElideMiddle);
    m_table->setFrameShape(QFrame::NoFrame);
    m_table->setTabKeyNavigation(false);
    m_table->verticalHeader()->hide();
    m_table->verticalHeader()->setDefaultSectionSize(m_table->fontMetrics().height() + 6);
    m_table->horizontalHeader()->setHighlightSections(false);
    m_table->horizontalHeader()->setMinimumSectionSize(36);
    m_table->viewport()->installEventFilter(this);
    connect(m_table->horizontalHeader(), &QHeaderView::sortIndicatorChanged, this,
            &LayerTableDock::fitColumns);
    connect(m_table->horizontalHeader(), &QHeaderView::sectionResized, this, [this](int column) {
        if (column != LayerTableModel::NameColumn)
            fitNameColumn();
    });
    m_table->setContextMenuPolicy(Qt::CustomContextMenu);
    connect(m_table, &QWidget::customContextMenuRequested, this, &LayerTableDock::showContextMenu);
    connect(m_table->selectionModel(), &QItemSelectionModel::selectionChanged, this,
            &LayerTableDock::selectInContext);
    connect(m_table->selectionModel(), &QItemSelectionModel::currentRowChanged, this,
            &LayerTableDock::selectInContext);
}

void LayerTableDock::addActions() {
    addCopyActions(*m_table, Qt::DisplayRole);
    auto *find = new QAction(tr("Filter"), this);
    find->setShortcut(QKeySequence::Find);
    find->setShortcutContext(Qt::WidgetWithChildrenShortcut);
    connect(find, &QAction::triggered, m_filter, [this] {
        m_filter->setFocus(Qt::ShortcutFocusReason);
        m_filter->selectAll();
    });
    addAction(find);
}

void LayerTableDock::modelChanged() {
    const QScopedValueRollback following(m_following, true);
    m_metricChosen = false;
    measureDifference();
    updateTable();
    fitColumns();
    showEmptyState(
        !context().model()
            ? tr("No model is open.\n\nDrop a model (ONNX) and a calibration set (HDF5) on the window,\n"
                 "or open one with File > Open (Ctrl+O) or File > Open sample.")
        : context().model()->layers.empty()
            ? tr("This model has no layer with a constant weight:\nthere is nothing to quantize.")
            : QString());
}

void LayerTableDock::measureDifference() {
    using Changes = std::shared_ptr<const std::vector<WeightChange>>;
    static const QString tag = QStringLiteral("difference");
    const auto model = context().model();
    m_changes = nullptr;
    context().jobs().cancelTag(tag);
    const bool differs = model && isDifference(model->graph);
    for (const int column : {LayerTableModel::DeltaNormColumn, LayerTableModel::RelativeNormColumn})
        m_table->setColumnHidden(column, !differs);
    if (!differs)
        return;
    auto show = [self = QPointer(this), model](Changes changes) {
        if (self && self->context().model() == model) {
            self->m_changes = std::move(changes);
            self->updateTable();
        }
    };
    auto partial = std::make_shared<LatestValue<Changes>>(context().jobs(), show);
    auto all = std::make_shared<std::vector<WeightChange>>();
    context().jobs().start(
        tag, tr("Comparing weights"),
        [partial, all, model](const RunContext &ctx) -> Status {
            const auto found = [&](const WeightChange &change) {
                all->push_back(change);
                partial->put(std::make_shared<const std::vector<WeightChange>>(*all), ctx.stop);
            };
            QS_TRY(const auto changes, surveyDifference(*model, found, ctx));
            static_cast<void>(changes);
            return {};
        },
        [self = QPointer(this), partial, all, show](const Status &status) {
            partial->close();
            show(all);
            if (self && !status && status.error().code != ErrorCode::Cancelled)
                self->context().addFinding(toFinding(status.error()));
        });
}

void LayerTableDock::runChanged() {
    updateMetricChoices();
    updateTable();
}

void LayerTableDock::chooseMetric() {
    m_metricChosen = true;
    updateTable();
}

void LayerTableDock::updateMetricChoices() {
    const OutputMetrics *metrics = anyMetrics(context());
    if (metrics == nullptr || m_metricChosen)
        return;
    const Metric best = metrics->hasLogits         ? Metric::Kl
                        : metrics->error.count > 0 ? Metric::OutputSqnr
                                                   : Metric::Top1Agreement;
    m_metric->setCurrentIndex(m_metric->findData(static_cast<int>(best)));
}

void LayerTableDock::updateTable() {
    LayerTableData data;
    data.model = context().model();
    data.recipe = context().recipe();
    data.run = context().run();
    data.capture = context().capture();
    data.sensitivity = context().sensitivity();
    data.changes = m_changes;
    data.metric = static_cast<Metric>(m_metric->currentData().toInt());
    data.sensitivityBits = m_bits->currentData().toInt();
    m_model->setData(std::move(data));
    updateCount();
}

void LayerTableDock::updateCount() {
    const int shown = m_proxy->rowCount(), all = m_model->rowCount();
    m_count->setText(shown == all ? tr("%1 layers").arg(all) : tr("%1 of %2").arg(shown).arg(all));
}

void LayerTableDock::fitColumns() {
    // Results come later: leave room for them, so that nothing jumps.
    const int least = m_table->fontMetrics().horizontalAdvance(QStringLiteral("−0.00e−00")) + 12;
    for (int column = 1; column < LayerTableModel::ColumnCount; ++column) {
        const int contents = compactColumnWidth(*m_table, column);
        const bool late = column >= LayerTableModel::NetworkColumn ||
                          column == LayerTableModel::DeltaNormColumn ||
                          column == LayerTableModel::RelativeNormColumn;
        if (!m_table->isColumnHidden(column)) // giving it a width would show it
            m_table->setColumnWidth(column, late ? std::max(contents, least) : contents);
    }
    fitNameColumn();
}

void LayerTableDock::fitNameColumn() {
    constexpr int kLeast = 140;
    int others = 0;
    for (int column = 1; column < LayerTableModel::ColumnCount; ++column)
        others += m_table->columnWidth(column);
    m_table->setColumnWidth(LayerTableModel::NameColumn,
                            std::max(kLeast, m_table->viewport()->width() - others));
}

bool LayerTableDock::eventFilter(QObject *watched, QEvent *event) {
    if (watched == m_table->viewport() && event->type() == QEvent::Resize)
        fitNameColumn();
    return ViewDock::eventFilter(watched, event);
}

void LayerTableDock::applyFilter(const QString &pattern) {
    const FindExpression expression = findExpression(pattern);
    QPalette colors = QApplication::palette(m_filter);
    m_filter->setToolTip({});
    if (expression.error.isEmpty()) {
        m_proxy->setFilterRegularExpression(expression.regex);
        updateCount();
    } else {
        // The last good filter stays, the text says what is wrong.
        colors.setColor(QPalette::Text, QColor(0xd0, 0x3b, 0x3b));
        m_filter->setToolTip(expression.error);
        m_count->setText(expression.error);
    }
    m_filter->setPalette(colors);
}

void LayerTableDock::selectionChanged() {
    const QScopedValueRollback following(m_following, true);
    const Selection &selection = context().selection();
    QItemSelection rows;
    auto indexOf = [this](LayerId layer) { return m_proxy->mapFromSource(m_model->index(layer, 0)); };
    for (const LayerId layer : selection.layers) {
        if (const QModelIndex index = indexOf(layer); index.isValid())
            rows.select(index, index);
    }
    using Flag = QItemSelectionModel;
    m_table->selectionModel()->select(rows, Flag::ClearAndSelect | Flag::Rows);
    if (const QModelIndex current = indexOf(selection.layer); current.isValid()) {
        m_table->selectionModel()->setCurrentIndex(current, Flag::NoUpdate);
        m_table->scrollTo(current);
    }
}

void LayerTableDock::selectInContext() {
    if (m_following)
        return;
    Selection selection;
    for (const QModelIndex &index : m_table->selectionModel()->selectedRows())
        selection.layers.insert(index.data(LayerTableModel::LayerIdRole).toInt());
    if (selection.layers.empty())
        return;
    const QModelIndex current = m_table->currentIndex();
    const LayerId layer = current.isValid() ? current.data(LayerTableModel::LayerIdRole).toInt() : kNoLayer;
    selection.layer = selection.layers.count(layer) > 0 ? layer : *selection.layers.begin();
    const QScopedValueRollback following(m_following, true);
    context().select(selection);
}

void LayerTableDock::addRule(const QString &text, const std::function<void(LayerChoice &)> &change) {
    const auto model = context().model();
    const Selection &selection = context().selection();
    if (!model || selection.layers.empty())
        return;
    LayerChoice choice =
        context().recipe().choiceFor(model->layers[static_cast<std::size_t>(selection.layer)].name);
    change(choice);
    Recipe recipe = withChoiceFor(selection.layers, *model, context().recipe(), choice);
    context().undoStack().push(new ChangeRecipeCommand(context(), std::move(recipe), text));
    context().reveal(QStringLiteral("recipe_editor"));
}

void LayerTableDock::showContextMenu(const QPoint &position) {
    if (!context().model() || context().selection().layers.empty())
        return;
    QMenu menu;
    menu.addSection(tr("%1 selected").arg(context().selection().layers.size()));
    menu.addAction(tr("Set recipe for selection…"), this,
                   [this] { addRule(tr("rule for selected layers"), [](LayerChoice &) {}); });
    QMenu *bitsMenu = menu.addMenu(tr("Quantize selection to"));
    for (const int bits : {2, 3, 4, 5, 6, 8}) {
        bitsMenu->addAction(tr("%1 bit").arg(bits), this, [this, bits] {
            addRule(tr("%1 bit for selected layers").arg(bits), [bits](LayerChoice &choice) {
                if (!choice.weight)
                    choice.weight.emplace();
                choice.weight->scheme.grid.bits = bits;
            });
        });
    }
    menu.addAction(tr("Keep selection in float"), this, [this] {
        addRule(tr("float for selected layers"), [](LayerChoice &choice) { choice = {}; });
    });
    menu.addSeparator();
    menu.addActions(m_table->actions());
    menu.exec(m_table->viewport()->mapToGlobal(position));
}

} // namespace qs::views
