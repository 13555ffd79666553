#include "views/method_catalogue/method_catalogue_dock.h"

#include "core/quant/method_chain.h"
#include "core/quant/method_taxonomy.h"
#include "views/commands/recipe_commands.h"
#include "views/method_catalogue/method_filter.h"
#include "views/method_catalogue/method_list_model.h"
#include "views/method_catalogue/method_page.h"
#include "views/shared/flow_layout.h"
#include "views/shared/table_tools.h"
#include "views/shared/turning_splitter.h"

#include <QAction>
#include <QComboBox>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QTableView>
#include <QTextBrowser>
#include <QVBoxLayout>

namespace qs::views {
namespace {

const QList<int> kShares = {1000, 900};

QStringList termsOf(TaxonomyQuestion question) {
    QStringList texts;
    for (const TaxonomyTerm &term : taxonomyTerms())
        if (term.question == question)
            texts << QString::fromStdString(term.tag);
    return texts;
}

/// What a column of the model holds, each text once.
QStringList textsOf(const QAbstractItemModel &model, int column) {
    QStringList texts;
    for (int row = 0; row < model.rowCount(); ++row)
        texts << model.index(row, column).data().toString();
    texts.removeDuplicates();
    return texts;
}

} // namespace

MethodCatalogueDock::MethodCatalogueDock(WorkbenchContext &context)
    : ViewDock(QStringLiteral("method_catalogue"), tr("Methods"), context),
      m_model(new MethodListModel(context.sharedMethods(), this)), m_filter(new MethodFilter(*m_model, this)),
      m_table(new QTableView), m_page(new QTextBrowser), m_words(new QLineEdit), m_use(new QPushButton),
      m_status(new QLabel) {
    m_status->setMargin(4);
    auto *splitter = new TurningSplitter(1.3, kShares);
    splitter->addWidget(makeList());
    splitter->addWidget(makeDetails());
    splitter->setChildrenCollapsible(false);
    auto *content = new QWidget;
    auto *layout = new QVBoxLayout(content);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(makeBar());
    layout->addWidget(splitter, 1);
    layout->addWidget(m_status);
    setContent(content);
    m_table->selectRow(0);
    updateStatus();
    showMethod();
}

QWidget *MethodCatalogueDock::makeBar() {
    m_words->setPlaceholderText(tr("Search name, summary, paper, tags"));
    m_words->setAccessibleName(tr("Search methods"));
    m_words->setToolTip(tr("Shows methods in which all these words occur"));
    m_words->setClearButtonEnabled(true);
    m_words->setMinimumWidth(28 * m_words->fontMetrics().averageCharWidth());
    connect(m_words, &QLineEdit::textChanged, this, [this](const QString &words) {
        m_filter->setWords(words);
        updateStatus();
    });
    auto *bar = new QWidget;
    auto *flow = new FlowLayout(bar);
    flow->setContentsMargins(6, 4, 6, 4);
    flow->addWidget(m_words);
    using Model = MethodListModel;
    flow->addPair(tr("Kind"),
                  addFilter(Model::KindColumn, tr("every kind"), textsOf(*m_model, Model::KindColumn)));
    flow->addPair(tr("Status"), addFilter(Model::StatusColumn, tr("every status"),
                                          {statusBadge(MethodStatus::ReferenceChecked),
                                           statusBadge(MethodStatus::PaperFormula),
                                           statusBadge(MethodStatus::Experimental)}));
    flow->addPair(tr("Changes"),
                  addFilter(Model::ChangesColumn, tr("anything"), termsOf(TaxonomyQuestion::Changes)));
    flow->addPair(tr("Principle"),
                  addFilter(Model::PrincipleColumn, tr("any"), termsOf(TaxonomyQuestion::Principle)));
    flow->addPair(tr("Scope"), addFilter(Model::ScopeColumn, tr("any"), termsOf(TaxonomyQuestion::Scope)));
    auto *clear = new QPushButton(tr("Clear"));
    clear->setToolTip(tr("Shows all methods again"));
    connect(clear, &QPushButton::clicked, this, &MethodCatalogueDock::clearFilters);
    flow->addWidget(clear);
    return bar;
}

QComboBox *MethodCatalogueDock::addFilter(int column, const QString &all, const QStringList &texts) {
    auto *box = new QComboBox;
    box->addItem(all, QString());
    for (const QString &text : texts)
        box->addItem(text, text);
    for (const TaxonomyTerm &term : taxonomyTerms())
        if (const int entry = box->findData(QString::fromStdString(term.tag)); entry > 0)
            box->setItemData(entry, QString::fromStdString(term.meaning), Qt::ToolTipRole);
    connect(box, &QComboBox::currentIndexChanged, this, [this, box, column] {
        m_filter->setWanted(column, box->currentData().toString());
        updateStatus();
    });
    m_choices.push_back(box);
    return box;
}

QWidget *MethodCatalogueDock::makeList() {
    m_table->setModel(m_filter);
    m_table->setSortingEnabled(true);
    m_table->horizontalHeader()->setSortIndicatorClearable(true);
    m_table->sortByColumn(-1, Qt::AscendingOrder);
    setUpTable(*m_table, tr("Methods"), Qt::DisplayRole);
    m_table->horizontalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
    auto *use = new QAction(tr("Use in recipe"), m_table);
    use->setObjectName(QStringLiteral("use_method"));
    use->setShortcuts({QKeySequence(Qt::Key_Return), QKeySequence(Qt::Key_Enter)});
    use->setShortcutContext(Qt::WidgetShortcut);
    connect(use, &QAction::triggered, this, &MethodCatalogueDock::useInRecipe);
    m_table->insertAction(m_table->actions().value(0), use);
    connect(m_table->selectionModel(), &QItemSelectionModel::currentRowChanged, this,
            &MethodCatalogueDock::showMethod);
    return m_table;
}

QWidget *MethodCatalogueDock::makeDetails() {
    m_page->setAccessibleName(tr("About the chosen method"));
    m_page->setFrameShape(QFrame::NoFrame);
    connect(m_use, &QPushButton::clicked, this, &MethodCatalogueDock::useInRecipe);
    auto *details = new QWidget;
    auto *layout = new QVBoxLayout(details);
    layout->setContentsMargins(6, 0, 6, 4);
    layout->addWidget(m_page, 1);
    layout->addWidget(m_use);
    return details;
}

void MethodCatalogueDock::clearFilters() {
    m_words->clear();
    for (QComboBox *box : m_choices)
        box->setCurrentIndex(0);
}

void MethodCatalogueDock::updateStatus() {
    const int seen = m_filter->rowCount(), all = m_model->rowCount();
    m_status->setText(seen == 0                 ? tr("No method matches. Use fewer words, or press Clear.")
                      : m_filter->isFiltering() ? tr("%1 of %2 methods").arg(seen).arg(all)
                                                : tr("%1 methods").arg(all));
}

const MethodInfo *MethodCatalogueDock::chosen() const {
    const QModelIndex current = m_table->currentIndex();
    return current.isValid() ? &m_model->info(m_filter->mapToSource(current).row()) : nullptr;
}

void MethodCatalogueDock::showMethod() {
    const MethodInfo *info = chosen();
    if (!info) {
        m_page->setHtml(tr("<p>Choose a method in the list.</p>"));
        m_use->setText(tr("Use in recipe"));
        m_use->setEnabled(false);
        return;
    }
    m_page->setHtml(methodPage(*info, *context().methods().schema(info->id)));
    m_use->setText(tr("Use %1 in recipe").arg(QString::fromStdString(info->name)));
    m_use->setEnabled(true);
    m_use->setToolTip(
        info->kind == MethodKind::Transform
            ? tr("Appends the transform to the recipe; can be undone")
            : tr("Gives every rule for weights this method with its default parameters; can be undone"));
}

void MethodCatalogueDock::useInRecipe() {
    const MethodInfo *info = chosen();
    if (!info)
        return;
    context().undoStack().push(
        new ChangeRecipeCommand(context(), withMethod(context().recipe(), *info),
                                tr("method %1").arg(QString::fromStdString(info->name))));
    context().reveal(QStringLiteral("recipe_editor"));
}

} // namespace qs::views
