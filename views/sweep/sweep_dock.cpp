#include "views/sweep/sweep_dock.h"

#include "core/base/atomic_file.h"
#include "views/commands/recipe_commands.h"
#include "views/shared/find_bar.h"
#include "views/shared/sweep_document.h"
#include "views/shared/table_tools.h"
#include "views/shared/turning_splitter.h"
#include "views/sweep/sweep_dialog.h"
#include "views/sweep/sweep_pareto_page.h"
#include "views/sweep/sweep_table_model.h"

#include <QApplication>
#include <QClipboard>
#include <QFileDialog>
#include <QFileInfo>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QScopedValueRollback>
#include <QSortFilterProxyModel>
#include <QStackedWidget>
#include <QTableView>
#include <QToolButton>
#include <QVBoxLayout>

namespace qs::views {
namespace {

const QList<int> kShares = {900, 1000};

QToolButton *makeButton(const QString &text, const QString &toolTip) {
    auto *button = new QToolButton;
    button->setText(text);
    button->setToolTip(toolTip);
    button->setFocusPolicy(Qt::StrongFocus);
    return button;
}

/// What tables can be written as.
struct TableFormat {
    const char *name, *suffix;
    std::string (*text)(const SweepResults &);
};
const TableFormat kFormats[] = {
    {"CSV", "csv", [](const SweepResults &results) { return csvTable(sweepTable(results)); }},
    {"Markdown", "md", [](const SweepResults &results) { return markdownTable(sweepTable(results)); }},
    {"LaTeX", "tex",
     [](const SweepResults &results) { return latexTable(sweepTable(results), sweepCaption(results)); }},
};

} // namespace

SweepDock::SweepDock(WorkbenchContext &context)
    : ViewDock(QStringLiteral("sweep"), tr("Sweep"), context), m_model(new SweepTableModel(this)),
      m_table(new QTableView), m_chart(new SweepParetoPage), m_pages(new QStackedWidget),
      m_message(new QLabel), m_status(new QLabel), m_filter(new QLineEdit) {
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
    layout->addWidget(makeBar());
    layout->addWidget(m_pages, 1);
    layout->addWidget(m_status);
    setContent(content);
    const auto refreshWhenSeen = [this] {
        if (isVisible())
            refresh();
    };
    connect(&SweepDocument::of(context), &SweepDocument::changed, this, refreshWhenSeen);
    connect(&context.jobs(), &JobList::changed, this, &SweepDock::updateState);
    connect(m_chart, &SweepParetoPage::recordClicked, this, &SweepDock::showRecord);
}

void SweepDock::setActive(bool active) {
    if (active)
        refresh();
}

QWidget *SweepDock::makeBar() {
    auto *bar = new QWidget;
    auto *layout = new QHBoxLayout(bar);
    layout->setContentsMargins(6, 4, 6, 4);
    m_run = makeButton({}, {});
    connect(m_run, &QToolButton::clicked, this, [this] {
        if (SweepDocument::of(context()).isRunning())
            SweepDocument::of(context()).stop();
        else
            askForSweep(context(), window());
    });
    auto *open = makeButton(tr("Open…"), tr("Opens the result file of a sweep, also of qscope sweep"));
    connect(open, &QToolButton::clicked, this, &SweepDock::askFile);
    m_export =
        makeButton(tr("Export"), tr("Writes or copies the table; the menu of the chart exports the chart"));
    addExportActions(*m_export);
    m_filter->setPlaceholderText(tr("Filter: words or a regular expression"));
    m_filter->setAccessibleName(tr("Filter of the results"));
    m_filter->setToolTip(tr("Shows the rows in which a cell matches this regular expression"));
    m_filter->setClearButtonEnabled(true);
    connect(m_filter, &QLineEdit::textChanged, this, &SweepDock::filter);
    for (QWidget *widget : std::initializer_list<QWidget *>{m_run, open, m_export})
        layout->addWidget(widget);
    layout->addWidget(m_filter, 1);
    return bar;
}

void SweepDock::addExportActions(QToolButton &button) {
    auto *menu = new QMenu(&button);
    for (const TableFormat &format : kFormats) {
        const QString name = QString::fromLatin1(format.name);
        auto *write =
            menu->addAction(tr("Export as %1…").arg(name), this, [this, name] { exportTable(name); });
        write->setObjectName(QStringLiteral("export_") + QString::fromLatin1(format.suffix));
        auto *copy = menu->addAction(tr("Copy as %1").arg(name), this, [this, &format] {
            if (m_shown)
                QApplication::clipboard()->setText(QString::fromStdString(format.text(*m_shown)));
        });
        copy->setObjectName(QStringLiteral("copy_") + QString::fromLatin1(format.suffix));
    }
    button.setMenu(menu);
    button.setPopupMode(QToolButton::InstantPopup);
}

QWidget *SweepDock::makeResults() {
    m_sorted = sortTable(*m_model, *m_table, SweepTableModel::SortRole);
    m_sorted->setFilterKeyColumn(-1);
    m_sorted->setFilterRole(SweepTableModel::CopyRole);
    setUpTable(*m_table, tr("Results of the sweep"), SweepTableModel::CopyRole);
    keepColumnsCompact(*m_table);
    addRowActions();
    connect(m_table->selectionModel(), &QItemSelectionModel::currentRowChanged, this, [this] {
        if (!m_following)
            m_chart->setCurrent(currentRecord());
    });
    auto *splitter = new TurningSplitter(1.6, kShares);
    splitter->addWidget(withFindBar(*m_table));
    splitter->addWidget(m_chart);
    return splitter;
}

void SweepDock::addRowActions() {
    auto *adopt = new QAction(tr("Use its recipe"), m_table);
    adopt->setObjectName(QStringLiteral("use_recipe"));
    adopt->setShortcuts({QKeySequence(Qt::Key_Return), QKeySequence(Qt::Key_Enter)});
    adopt->setShortcutContext(Qt::WidgetShortcut);
    connect(adopt, &QAction::triggered, this, &SweepDock::adoptRecipe);
    connect(m_table, &QTableView::doubleClicked, this, &SweepDock::adoptRecipe);
    m_table->insertAction(m_table->actions().value(0), adopt);
}

int SweepDock::currentRecord() const {
    const QModelIndex current = m_table->currentIndex();
    return current.isValid() ? m_sorted->mapToSource(current).row() : -1;
}

void SweepDock::showRecord(int record) {
    showRow(*m_table, *m_sorted, record);
    m_chart->setCurrent(record);
}

void SweepDock::adoptRecipe() {
    const SweepRecord *record = m_model->record(currentRecord());
    if (!record)
        return;
    const Recipe &recipe = record->job.recipe;
    context().undoStack().push(new ChangeRecipeCommand(
        context(), recipe, tr("recipe %1 of the sweep").arg(QString::fromStdString(recipe.name))));
    context().reveal(QStringLiteral("recipe_editor"));
}

void SweepDock::filter(const QString &pattern) {
    const QRegularExpression expression(pattern, QRegularExpression::CaseInsensitiveOption);
    m_sorted->setFilterRegularExpression(expression.isValid()
                                             ? expression
                                             : QRegularExpression(QRegularExpression::escape(pattern),
                                                                  QRegularExpression::CaseInsensitiveOption));
    updateState();
}

void SweepDock::refresh() {
    if (m_shown != SweepDocument::of(context()).results()) {
        const QScopedValueRollback following(m_following, true);
        const SweepRecord *before = m_model->record(currentRecord());
        const std::optional<SweepJob> job = before ? std::optional(before->job) : std::nullopt;
        m_shown = SweepDocument::of(context()).results();
        m_model->setResults(m_shown);
        hideConstantColumns();
        m_chart->setResults(m_shown);
        const SweepRecord *same = job && m_shown ? m_shown->findRecord(*job) : nullptr;
        const int record = same ? static_cast<int>(same - m_shown->records.data()) : -1;
        showRow(*m_table, *m_sorted, record);
        m_chart->scatter().setCurrent(record);
    }
    updateState();
}

void SweepDock::hideConstantColumns() {
    const TextCells &cells = m_model->cells();
    for (int column = 0; column < m_model->columnCount(); ++column)
        m_table->setColumnHidden(column, false);
    m_common.clear();
    for (const std::size_t column : constantColumns(cells)) {
        const QString text = QString::fromStdString(cells.rows[0][column].text);
        m_table->setColumnHidden(static_cast<int>(column), true);
        if (!text.isEmpty())
            m_common << tr("%1 %2").arg(QString::fromStdString(cells.columns[column].name), text);
    }
}

QString SweepDock::statusText() const {
    if (!m_shown)
        return {};
    const int all = m_model->rowCount(), seen = m_sorted->rowCount();
    int unfinished = 0;
    for (const SweepRecord &record : m_shown->records)
        unfinished += record.isMeasured() ? 0 : 1;
    QString text =
        tr("%1: %2 results").arg(QFileInfo(SweepDocument::of(context()).file()).fileName()).arg(all);
    if (seen < all)
        text += tr(", %1 shown").arg(seen);
    if (unfinished > 0)
        text += tr(", %1 not applicable or failed (see Reason)").arg(unfinished);
    if (SweepDocument::of(context()).isRunning())
        text = tr("partial, the sweep runs · ") + text;
    const auto &columns = m_model->cells().columns;
    const auto front = std::ranges::find(columns, "pareto", &TextCells::Column::id);
    if (front != columns.end() && !m_table->isColumnHidden(static_cast<int>(front - columns.begin())))
        text += tr(" · ★ front of its model and activations");
    return m_common.isEmpty() ? text : text + tr(" · in every row: %1").arg(m_common.join(", "));
}

void SweepDock::updateState() {
    SweepDocument &sweep = SweepDocument::of(context());
    const bool running = sweep.isRunning();
    const QString whyNot = sweep.whyNotStart();
    m_run->setText(running ? tr("Stop") : tr("Run a sweep…"));
    m_run->setEnabled(running || whyNot.isEmpty());
    m_run->setToolTip(running            ? tr("Stops the sweep; finished results stay in the file")
                      : whyNot.isEmpty() ? tr("Runs methods × bits on the open model into a result file")
                                         : whyNot);
    const bool hasRows = m_model->rowCount() > 0;
    m_export->setEnabled(hasRows);
    m_filter->setEnabled(hasRows);
    m_pages->setCurrentIndex(hasRows ? 1 : 0);
    m_message->setText(running ? tr("The sweep is running; results appear one by one.")
                       : m_shown
                           ? tr("This file has no results yet.")
                           : tr("No sweep is open.\n\nRun methods × bits on the open model, or open the "
                                "result file of an earlier sweep, for example of\n"
                                "qscope sweep --methods rtn,gptq --bits 8,4,3,2 --models … --out FILE"));
    m_status->setText(statusText());
}

void SweepDock::askFile() {
    auto *dialog = new QFileDialog(this, tr("Open the results of a sweep"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setFileMode(QFileDialog::ExistingFile);
    dialog->setNameFilters({tr("Results of sweeps (*.json)"), tr("All files (*)")});
    connect(dialog, &QFileDialog::fileSelected, this,
            [this](const QString &file) { SweepDocument::of(context()).open(file); });
    dialog->open();
}

void SweepDock::exportTable(const QString &name) {
    const auto *format =
        std::find_if(std::begin(kFormats), std::end(kFormats),
                     [&](const TableFormat &other) { return name == QLatin1String(other.name); });
    if (!m_shown || format == std::end(kFormats))
        return;
    const QFileInfo source(SweepDocument::of(context()).file());
    auto *dialog = new QFileDialog(this, tr("Export as %1").arg(name),
                                   source.dir().filePath(source.completeBaseName() + '.' + format->suffix));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setAcceptMode(QFileDialog::AcceptSave);
    dialog->setDefaultSuffix(QString::fromLatin1(format->suffix));
    dialog->selectFile(source.completeBaseName() + '.' + format->suffix);
    connect(dialog, &QFileDialog::fileSelected, this, [this, format, results = m_shown](const QString &file) {
        if (const Status status = writeFileAtomically(file.toStdU16String(), format->text(*results)); !status)
            context().addFinding(toFinding(status.error()));
    });
    dialog->open();
}

} // namespace qs::views
