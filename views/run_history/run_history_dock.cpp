#include "views/run_history/run_history_dock.h"

#include "core/session/run_comparison.h"
#include "views/run_history/run_text.h"
#include "views/shared/find_bar.h"
#include "views/shared/format_text.h"
#include "views/shared/table_tools.h"

#include <QAction>
#include <QClipboard>
#include <QGuiApplication>
#include <QHeaderView>
#include <QScopedValueRollback>
#include <QSplitter>
#include <QTextBrowser>
#include <QTreeWidget>

namespace qs::views {
namespace {

enum Column { RunColumn, BitsColumn, MetricColumn, SizeColumn, ColumnCount };

/// The task's own metric when there is one, else how far the outputs are off.
const ComparisonColumn *headline(const std::vector<ComparisonColumn> &columns) {
    for (const char *id : {"top1", "perplexity", "sqnr"})
        for (const ComparisonColumn &column : columns)
            if (column.id == id)
                return &column;
    return nullptr;
}

} // namespace

RunHistoryDock::RunHistoryDock(WorkbenchContext &context)
    : ViewDock(QStringLiteral("run_history"), tr("Runs"), context), m_tree(new QTreeWidget),
      m_details(new QTextBrowser) {
    makeTree();
    makeActions();
    m_details->setAccessibleName(tr("Provenance of the chosen run"));
    m_details->setFrameShape(QFrame::NoFrame);
    auto *splitter = new QSplitter(Qt::Vertical);
    splitter->addWidget(withFindBar(*m_tree));
    splitter->addWidget(m_details);
    splitter->setStretchFactor(0, 1);
    splitter->setStretchFactor(1, 1);
    splitter->setChildrenCollapsible(false);
    setContent(splitter);
}

void RunHistoryDock::makeTree() {
    m_tree->setAccessibleName(tr("Finished runs, each below the run that it was edited from"));
    m_tree->setFrameShape(QFrame::NoFrame);
    m_tree->setAlternatingRowColors(true);
    m_tree->setColumnCount(ColumnCount);
    m_tree->header()->setSectionResizeMode(QHeaderView::ResizeToContents);
    m_tree->header()->setStretchLastSection(false);
    m_tree->setIndentation(14);
    m_tree->setContextMenuPolicy(Qt::ActionsContextMenu);
    connect(m_tree, &QTreeWidget::currentItemChanged, this, &RunHistoryDock::showDetails);
    connect(m_tree, &QTreeWidget::itemChanged, this, &RunHistoryDock::changeTick);
    connect(m_tree, &QTreeWidget::itemDoubleClicked, this, [this] { m_show->trigger(); });
}

void RunHistoryDock::makeActions() {
    const auto add = [this](const QString &name, const QString &text, const QKeySequence &key,
                            const std::function<void(int)> &slot) {
        auto *action = new QAction(text, m_tree);
        action->setObjectName(name);
        action->setShortcut(key);
        action->setShortcutContext(Qt::WidgetShortcut);
        connect(action, &QAction::triggered, this, [this, slot] {
            if (const int run = chosenRun())
                slot(run);
        });
        m_tree->addAction(action);
        return action;
    };
    m_show =
        add("show_run", tr("Show in all views"), Qt::Key_Return, [this](int run) { context().showRun(run); });
    m_adopt = add("adopt_recipe", tr("Edit its recipe: the next run branches from it"), {},
                  [this](int run) { context().adoptRecipeOf(run); });
    m_copy = add("copy_provenance", tr("Copy provenance"), {}, [this](int run) {
        QGuiApplication::clipboard()->setText(provenanceText(*context().runs().find(run)->run));
    });
    m_forget = add("forget_run", tr("Forget this run"), QKeySequence::Delete,
                   [this](int run) { context().forgetRun(run); });
    addCopyActions(*m_tree, Qt::DisplayRole);
}

int RunHistoryDock::chosenRun() const {
    const QTreeWidgetItem *item = m_tree->currentItem();
    return item ? item->data(RunColumn, Qt::UserRole).toInt() : 0;
}

void RunHistoryDock::runChanged() {
    const bool none = context().runs().entries().empty();
    showEmptyState(none ? tr("No run has finished yet.\nQuantize the model (F5): each run is kept here with "
                             "its recipe, and can be branched from.")
                        : QString());
    fill();
}

void RunHistoryDock::fill() {
    const QScopedValueRollback filling(m_filling, true);
    const int chosen = chosenRun();
    const RunHistory &history = context().runs();
    std::vector<std::shared_ptr<const Run>> runs;
    for (const RunEntry &entry : history.entries())
        runs.push_back(entry.run);
    const std::vector<ComparisonColumn> columns = compareRuns(runs);
    const ComparisonColumn *metric = headline(columns);
    m_tree->clear();
    m_tree->setHeaderLabels(
        {tr("Run"), tr("Bits"), metric ? QString::fromStdString(metric->name) : tr("Metric"), tr("Weights")});
    m_tree->headerItem()->setToolTip(RunColumn, tr("Ticked runs are compared in the method bench"));
    m_tree->headerItem()->setToolTip(BitsColumn, tr("Effective bits per weight"));
    m_tree->headerItem()->setToolTip(SizeColumn, tr("Bytes of the weights at their effective bits"));
    std::map<int, QTreeWidgetItem *> items;
    for (std::size_t i = 0; i < runs.size(); ++i) {
        const RunEntry &entry = history.entries()[i];
        auto *item = new QTreeWidgetItem;
        const bool shown = entry.run == context().run();
        item->setText(RunColumn,
                      QString::fromStdString(entry.title()) + (shown ? tr("  ◂ shown") : QString()));
        item->setData(RunColumn, Qt::UserRole, entry.number);
        item->setCheckState(RunColumn, entry.compared ? Qt::Checked : Qt::Unchecked);
        item->setText(BitsColumn, QString::number(entry.run->effectiveBits(), 'f', 2));
        item->setText(SizeColumn, formatBytes(entry.run->weightBytes()));
        if (metric)
            item->setText(MetricColumn,
                          formatWithUnit(metric->values[i], QString::fromStdString(metric->unit)));
        for (int column = BitsColumn; column < ColumnCount; ++column)
            item->setTextAlignment(column, Qt::AlignRight | Qt::AlignVCenter);
        QFont font = m_tree->font();
        font.setBold(shown);
        item->setFont(RunColumn, font);
        const auto parent = items.find(entry.parent);
        if (parent == items.end())
            m_tree->addTopLevelItem(item);
        else
            parent->second->addChild(item);
        items[entry.number] = item;
    }
    m_tree->expandAll();
    const RunEntry *shown = history.find(context().run().get());
    const auto current = items.find(items.contains(chosen) ? chosen : shown ? shown->number : 0);
    if (current != items.end())
        m_tree->setCurrentItem(current->second);
    showDetails();
}

void RunHistoryDock::showDetails() {
    const RunEntry *entry = context().runs().find(chosenRun());
    m_details->setHtml(entry ? runDetails(*entry, context().runs().find(entry->parent)) : QString());
}

void RunHistoryDock::changeTick(QTreeWidgetItem *item) {
    if (m_filling)
        return;
    const int run = item->data(RunColumn, Qt::UserRole).toInt();
    const bool ticked = item->checkState(RunColumn) == Qt::Checked;
    if (const RunEntry *entry = context().runs().find(run); entry && entry->compared != ticked)
        QMetaObject::invokeMethod(
            this, [this, run, ticked] { context().setCompared(run, ticked); }, Qt::QueuedConnection);
}

} // namespace qs::views
