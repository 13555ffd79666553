#include "views/recipe_editor/recipe_editor_dock.h"

#include "views/commands/recipe_commands.h"
#include "views/recipe_editor/rule_form.h"
#include "views/recipe_editor/starter_recipes.h"
#include "views/shared/format_text.h"
#include "views/shared/recipe_text.h"

#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QMenu>
#include <QPushButton>
#include <QScopedValueRollback>
#include <QScrollArea>
#include <QToolButton>
#include <QVBoxLayout>

namespace qs::views {

RecipeEditorDock::RecipeEditorDock(WorkbenchContext &context, QWidget *parent)
    : ViewDock(QStringLiteral("recipe_editor"), tr("Recipe"), context, parent), m_rules(new QListWidget),
      m_form(new RuleForm(context.sharedMethods())) {
    m_rules->setAccessibleName(tr("Rules"));
    m_rules->setToolTip(tr("Rules are tried from top to bottom; the last one that matches a layer wins"));
    m_rules->setTextElideMode(Qt::ElideMiddle);
    m_rules->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    m_rules->setAlternatingRowColors(true);
    m_rules->setFixedHeight(7 * m_rules->fontMetrics().height());
    auto *scroll = new QScrollArea;
    scroll->setWidget(m_form);
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    scroll->setMinimumWidth(m_form->minimumSizeHint().width() + 18);

    auto *content = new QWidget;
    auto *layout = new QVBoxLayout(content);
    layout->setContentsMargins(6, 6, 6, 6);
    layout->setSpacing(4);
    layout->addWidget(makeHeader());
    layout->addWidget(m_rules);
    layout->addWidget(makeRuleButtons());
    layout->addWidget(scroll, 1);
    layout->addWidget(makeFooter());
    setContent(content);

    connect(m_rules, &QListWidget::currentRowChanged, this, &RecipeEditorDock::showRule);
    connect(m_form, &RuleForm::edited, this, &RecipeEditorDock::editRule);
    connect(&context.jobs(), &JobList::changed, this, &RecipeEditorDock::updateRunButton);
}

QWidget *RecipeEditorDock::makeHeader() {
    auto *header = new QWidget;
    auto *layout = new QHBoxLayout(header);
    layout->setContentsMargins(0, 0, 0, 0);
    m_name = new QLineEdit;
    m_name->setPlaceholderText(tr("Name of the recipe"));
    m_name->setAccessibleName(tr("Name of the recipe"));
    connect(m_name, &QLineEdit::textEdited, this, &RecipeEditorDock::editName);
    auto *starters = new QToolButton;
    starters->setText(tr("Starters"));
    starters->setToolTip(tr("Replaces the recipe by a common one; Undo brings yours back"));
    starters->setPopupMode(QToolButton::InstantPopup);
    auto *menu = new QMenu(starters);
    for (const Recipe &recipe : starterRecipes())
        menu->addAction(
            tr("%1:  %2").arg(QString::fromStdString(recipe.name), choiceText(recipe.choiceFor({}))), this,
            [this, recipe] {
                push(recipe, tr("starter recipe %1").arg(QString::fromStdString(recipe.name)));
            });
    starters->setMenu(menu);
    layout->addWidget(m_name, 1);
    layout->addWidget(starters);
    return header;
}

QToolButton *RecipeEditorDock::makeRuleButton(const QString &text, const QString &toolTip,
                                              void (RecipeEditorDock::*slot)()) {
    auto *button = new QToolButton;
    button->setText(text);
    button->setToolTip(toolTip);
    connect(button, &QToolButton::clicked, this, slot);
    return button;
}

QWidget *RecipeEditorDock::makeRuleButtons() {
    auto *bar = new QWidget;
    auto *layout = new QHBoxLayout(bar);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(2);
    auto *all = makeRuleButton(tr("+ All layers"), tr("Adds a rule for every layer"),
                               &RecipeEditorDock::addRuleForAll);
    m_addForSelection = makeRuleButton(tr("+ Selection"), {}, &RecipeEditorDock::addRuleForSelection);
    m_up = makeRuleButton(QStringLiteral("▲"), tr("Moves the rule up: later rules win over it"),
                          &RecipeEditorDock::moveRuleUp);
    m_down = makeRuleButton(QStringLiteral("▼"), tr("Moves the rule down: it wins over earlier rules"),
                            &RecipeEditorDock::moveRuleDown);
    m_remove = makeRuleButton(tr("Delete"), tr("Deletes the rule"), &RecipeEditorDock::removeRule);
    layout->addWidget(all);
    layout->addWidget(m_addForSelection);
    layout->addStretch();
    layout->addWidget(m_up);
    layout->addWidget(m_down);
    layout->addWidget(m_remove);
    return bar;
}

QWidget *RecipeEditorDock::makeFooter() {
    auto *footer = new QWidget;
    auto *layout = new QVBoxLayout(footer);
    layout->setContentsMargins(0, 0, 0, 0);
    m_estimate = new QLabel;
    m_estimate->setWordWrap(true);
    m_run = new QPushButton;
    connect(m_run, &QPushButton::clicked, this, &RecipeEditorDock::runOrCancel);
    layout->addWidget(m_estimate);
    layout->addWidget(m_run);
    return footer;
}

void RecipeEditorDock::modelChanged() {
    showRecipe();
    m_form->updateSupport(context().model());
    updateEstimate();
}

void RecipeEditorDock::selectionChanged() {
    updateButtons();
}

void RecipeEditorDock::runChanged() {
    if (!(context().recipe() == m_shown))
        showRecipe();
    updateRunButton();
}

int RecipeEditorDock::currentRule() const {
    const int row = m_rules->currentRow();
    return row < static_cast<int>(m_shown.rules.size()) ? row : -1;
}

void RecipeEditorDock::showRecipe() {
    const auto rulesBefore = m_shown.rules.size();
    m_shown = context().recipe();
    const int before = m_rules->currentRow();
    updateRuleList();
    const int last = static_cast<int>(m_shown.rules.size()) - 1;
    // A rule that was just added is what the user wants to edit.
    const int row = m_shown.rules.size() > rulesBefore ? last : std::clamp(before, std::min(0, last), last);
    {
        const QScopedValueRollback showing(m_showing, true);
        m_rules->setCurrentRow(row);
        if (m_name->text() != QString::fromStdString(m_shown.name))
            m_name->setText(QString::fromStdString(m_shown.name));
    }
    showRule(row);
    updateEstimate();
}

void RecipeEditorDock::updateRuleList() {
    const QScopedValueRollback showing(m_showing, true);
    const int row = m_rules->currentRow();
    m_rules->clear();
    for (const RecipeRule &rule : m_shown.rules) {
        const QString pattern = rule.layers == ".*" ? tr("All layers") : QString::fromStdString(rule.layers);
        auto *item = new QListWidgetItem(elideMiddle(pattern, 44) + '\n' + choiceText(rule.choice), m_rules);
        item->setToolTip(pattern + '\n' + choiceText(rule.choice));
    }
    m_rules->setCurrentRow(row);
}

void RecipeEditorDock::showRule(int index) {
    if (m_showing)
        return;
    m_form->setVisible(index >= 0);
    if (index >= 0) {
        m_form->setRule(m_shown.rules[static_cast<std::size_t>(index)]);
        m_form->updateSupport(context().model());
    }
    updateButtons();
}

void RecipeEditorDock::updateButtons() {
    const int row = currentRule();
    const int count = static_cast<int>(m_shown.rules.size());
    const auto selected = static_cast<int>(context().selection().layers.size());
    m_up->setEnabled(row > 0);
    m_down->setEnabled(row >= 0 && row + 1 < count);
    m_remove->setEnabled(row >= 0);
    m_addForSelection->setEnabled(selected > 0);
    m_addForSelection->setToolTip(selected > 0
                                      ? tr("Adds a rule for the layers that are selected: %1").arg(selected)
                                      : tr("Select layers in the table or the model tree first"));
}

void RecipeEditorDock::updateEstimate() {
    if (!context().model()) {
        m_estimate->clear();
        return updateRunButton();
    }
    const RecipeEstimate estimate = estimateRecipe(m_shown, *context().model());
    QString text = tr("%1 of %2 layers quantized, ≈ %3 bits per weight")
                       .arg(estimate.quantizedLayers)
                       .arg(estimate.layers)
                       .arg(estimate.bitsPerWeight, 0, 'f', 2);
    if (estimate.quantizedActivations > 0)
        text += tr("; %1 activations").arg(estimate.quantizedActivations);
    m_estimate->setText(text);
    m_estimate->setToolTip(
        tr("Codes, scales and zero points; a method may store a little more (group indices)."));
    updateRunButton();
}

void RecipeEditorDock::updateRunButton() {
    if (context().jobs().isRunning(kRunTag)) {
        m_run->setText(tr("Cancel run (Esc)"));
        m_run->setToolTip(tr("Stops the run; the layers that are done stay"));
        m_run->setEnabled(true);
        return;
    }
    const QString reason = context().whyNotRun();
    m_run->setText(tr("Quantize (F5)"));
    m_run->setEnabled(reason.isEmpty());
    m_run->setToolTip(reason.isEmpty() ? tr("Applies the recipe in the background and measures every layer")
                                       : reason);
}

void RecipeEditorDock::runOrCancel() {
    if (context().jobs().isRunning(kRunTag))
        context().jobs().cancelTag(kRunTag);
    else
        context().startRun();
}

void RecipeEditorDock::push(Recipe recipe, const QString &text, const QString &mergeKey) {
    context().undoStack().push(new ChangeRecipeCommand(context(), std::move(recipe), text, mergeKey));
}

void RecipeEditorDock::editRule(const QString &field) {
    const int row = currentRule();
    if (row < 0)
        return;
    m_shown.rules[static_cast<std::size_t>(row)] = m_form->rule();
    followName(context().recipe(), m_shown);
    m_name->setText(QString::fromStdString(m_shown.name));
    // The form shows the change already: only what follows from it is brought up to date.
    push(m_shown, tr("change of rule %1").arg(row + 1), QStringLiteral("rule %1 %2").arg(row).arg(field));
    updateRuleList();
    m_form->updateSupport(context().model());
    updateEstimate();
}

void RecipeEditorDock::editName(const QString &name) {
    m_shown.name = name.toStdString();
    push(m_shown, tr("recipe name"), QStringLiteral("name"));
}

void RecipeEditorDock::addRuleForAll() {
    LayerChoice choice;
    choice.weight.emplace();
    Recipe recipe = m_shown;
    recipe.rules.push_back({".*", currentRule() < 0 ? choice : m_form->rule().choice});
    push(std::move(recipe), tr("rule for all layers"));
}

void RecipeEditorDock::addRuleForSelection() {
    const auto model = context().model();
    const Selection &selection = context().selection();
    if (!model || selection.layers.empty())
        return;
    const std::string &name = model->layers[static_cast<std::size_t>(selection.layer)].name;
    push(withChoiceFor(selection.layers, *model, m_shown, m_shown.choiceFor(name)),
         tr("rule for selected layers"));
}

void RecipeEditorDock::removeRule() {
    Recipe recipe = m_shown;
    if (const int row = currentRule(); row >= 0) {
        recipe.rules.erase(recipe.rules.begin() + row);
        push(std::move(recipe), tr("deletion of rule %1").arg(row + 1));
    }
}

void RecipeEditorDock::moveRule(int step) {
    const int row = currentRule(), target = row + step;
    if (row < 0 || target < 0 || target >= static_cast<int>(m_shown.rules.size()))
        return;
    Recipe recipe = m_shown;
    std::swap(recipe.rules[static_cast<std::size_t>(row)], recipe.rules[static_cast<std::size_t>(target)]);
    {
        const QScopedValueRollback showing(m_showing, true);
        m_rules->setCurrentRow(target);
    }
    push(std::move(recipe), tr("move of rule %1").arg(row + 1));
}

} // namespace qs::views
