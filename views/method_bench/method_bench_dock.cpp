#include "views/method_bench/method_bench_dock.h"

#include "views/method_bench/error_maps_page.h"
#include "views/method_bench/error_page.h"
#include "views/method_bench/layer_page.h"
#include "views/method_bench/run_table_model.h"
#include "views/method_bench/scatter_page.h"
#include "views/method_bench/settings_page.h"
#include "views/method_bench/trial_page.h"
#include "views/shared/find_bar.h"
#include "views/shared/table_tools.h"

#include <QAction>
#include <QLabel>
#include <QSortFilterProxyModel>
#include <QSplitter>
#include <QTabWidget>
#include <QTableView>
#include <QVBoxLayout>

namespace qs::views {
namespace {

constexpr int kTickBox = 12; // what the size hint of a cell with a tick box forgets

} // namespace

MethodBenchDock::MethodBenchDock(WorkbenchContext &context)
    : ViewDock(QStringLiteral("method_bench"), tr("Method bench"), context), m_runs(new RunTableModel(this)),
      m_pages(new QTabWidget), m_warning(new QLabel) {
    m_warning->setWordWrap(true);
    m_warning->setMargin(4);
    m_pages->setDocumentMode(true);
    addPage(new ScatterPage(context), tr("Bits against metric"));
    addPage(new LayerPage(context), tr("Layer by layer"));
    addPage(new TrialPage(context), tr("Try a layer"));
    addPage(new ErrorPage(context), tr("Weight errors"));
    addPage(new ErrorMapsPage(context), tr("Error maps"));
    addPage(new SettingsPage(context), tr("Settings that differ"));
    auto *top = new QWidget;
    auto *layout = new QVBoxLayout(top);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(m_warning);
    layout->addWidget(withFindBar(*makeRunTable()));
    auto *splitter = new QSplitter(Qt::Vertical);
    splitter->addWidget(top);
    splitter->addWidget(m_pages);
    splitter->setSizes({350, 650});
    setContent(splitter);
    connect(m_runs, &RunTableModel::compareWished, &context, &WorkbenchContext::setCompared,
            Qt::QueuedConnection);
    connect(m_pages, &QTabWidget::currentChanged, this, &MethodBenchDock::refreshPage);
}

void MethodBenchDock::addPage(BenchPage *page, const QString &title) {
    m_pages->addTab(page, title);
}

QTableView *MethodBenchDock::makeRunTable() {
    m_runTable = new QTableView;
    m_sortedRuns = sortTable(*m_runs, *m_runTable, RunTableModel::SortRole);
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
    connect(remove, &QAction::triggered, this,
            [this] { context().forgetRun(numberAt(m_runTable->currentIndex())); });
    m_runTable->addActions({show, adopt, remove});
    setUpTable(*m_runTable, tr("Finished runs"), RunTableModel::CopyRole);
    keepColumnsCompact(*m_runTable, kTickBox);
    return m_runTable;
}

int MethodBenchDock::numberAt(const QModelIndex &index) const {
    return index.isValid() ? index.data(RunTableModel::NumberRole).toInt() : 0;
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
    refreshWarning();
    refreshPage();
}

void MethodBenchDock::refreshPage() {
    static_cast<BenchPage *>(m_pages->currentWidget())->refresh();
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

} // namespace qs::views
