#include "views/recipe_editor/recipe_editor_dock.h"

#include "views/commands/recipe_commands.h"
#include "views/recipe_editor/chain_list.h"
#include "views/recipe_editor/rule_form.h"
#include "views/recipe_editor/starter_recipes.h"
#include "views/recipe_editor/transform_form.h"
#include "views/shared/recipe_text.h"

#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QPushButton>
#include <QScrollArea>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>

namespace qs::views {

RecipeEditorDock::RecipeEditorDock(WorkbenchContext &context, QWidget *parent)
    : ViewDock(QStringLiteral("recipe_editor"), tr("Recipe"), context, parent),
      m_chain(new ChainList(context.sharedMethods())), m_ruleForm(new RuleForm(context.sharedMethods())),
      m_transformForm(new TransformForm(context.sharedMethods())) {
    auto *forms = new QWidget;
    auto *formLayout = new QVBoxLayout(forms);
    formLayout->setContentsMargins(0, 0, 0, 0);
    formLayout->addWidget(m_ruleForm);
    formLayout->addWidget(m_transformForm);
    auto *scroll = new QScrollArea;
    scroll->setWidget(forms);
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    scroll->setMinimumWidth(forms->minimumSizeHint().width() + 18);

    auto *content = new QWidget;
    auto *layout = new QVBoxLayout(content);
    layout->setContentsMargins(6, 6, 6, 6);
    layout->setSpacing(4);
    layout->addWidget(makeHeader());
    layout->addWidget(m_chain);
    layout->addWidget(scroll, 1);
    layout->addWidget(makeFooter());
    setContent(content);

    connect(m_chain, &ChainList::rowChanged, this, &RecipeEditorDock::showStep);
    connect(m_chain, &ChainList::addTransformWanted, this, &RecipeEditorDock::addTransform);
    connect(m_chain, &ChainList::addRuleWanted, this, &RecipeEditorDock::addRuleForAll);
    connect(m_chain, &ChainList::addRuleForSelectionWanted, this, &RecipeEditorDock::addRuleForSelection);
    connect(m_chain, &ChainList::moveWanted, this, &RecipeEditorDock::moveStep);
    connect(m_chain, &ChainList::removeWanted, this, &RecipeEditorDock::removeStep);
    connect(m_ruleForm, &RuleForm::edited, this, &RecipeEditorDock::editStep);
    connect(m_transformForm, &TransformForm::edited, this, &RecipeEditorDock::editStep);
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

QWidget *RecipeEditorDock::makeFooter() {
    auto *footer = new QWidget;
    auto *layout = new QVBoxLayout(footer);
    layout->setContentsMargins(0, 0, 0, 0);
    m_estimate = new QLabel;
    m_estimate->setWordWrap(true);
    m_whyNotRun = new QLabel;
    m_whyNotRun->setObjectName(QStringLiteral("whyNotRun"));
    m_whyNotRun->setWordWrap(true);
    m_whyNotRun->setForegroundRole(QPalette::PlaceholderText);
    m_run = new QPushButton;
    connect(m_run, &QPushButton::clicked, this, &RecipeEditorDock::runOrCancel);
    layout->addWidget(m_estimate);
    layout->addWidget(m_whyNotRun);
    layout->addWidget(m_run);
    return footer;
}

void RecipeEditorDock::modelChanged() {
    showRecipe();
}

void RecipeEditorDock::selectionChanged() {
    m_chain->showSelectionSize(static_cast<int>(context().selection().layers.size()));
}

void RecipeEditorDock::runChanged() {
    if (!(context().recipe() == m_shown))
        showRecipe();
    updateRunButton();
}

int RecipeEditorDock::currentRule() const {
    const int row = m_chain->row() - static_cast<int>(m_shown.transforms.size());
    return row >= 0 ? row : -1;
}

int RecipeEditorDock::currentTransform() const {
    return m_chain->row() < static_cast<int>(m_shown.transforms.size()) ? m_chain->row() : -1;
}

void RecipeEditorDock::showRecipe() {
    const Recipe before = std::exchange(m_shown, context().recipe());
    const int transforms = static_cast<int>(m_shown.transforms.size());
    const int last = transforms + static_cast<int>(m_shown.rules.size()) - 1;
    int row = std::clamp(m_chain->row(), std::min(0, last), last);
    // What was just added is what the user wants to edit.
    if (m_shown.transforms.size() > before.transforms.size())
        row = static_cast<int>(std::ranges::mismatch(m_shown.transforms, before.transforms).in1 -
                               m_shown.transforms.begin());
    else if (m_shown.rules.size() > before.rules.size())
        row = last;
    m_chain->showRecipe(m_shown, row);
    if (m_name->text() != QString::fromStdString(m_shown.name))
        m_name->setText(QString::fromStdString(m_shown.name));
    showStep();
    updateEstimate();
}

void RecipeEditorDock::showStep() {
    const int transform = currentTransform(), rule = currentRule();
    if (transform >= 0)
        m_transformForm->setStep(m_shown.transforms[static_cast<std::size_t>(transform)]);
    if (rule >= 0)
        m_ruleForm->setRule(m_shown.rules[static_cast<std::size_t>(rule)]);
    m_transformForm->setVisible(transform >= 0);
    m_ruleForm->setVisible(rule >= 0);
    updateSupport();
}

void RecipeEditorDock::updateSupport() {
    if (currentTransform() >= 0)
        m_transformForm->showMatches(context().model().get());
    else if (currentRule() >= 0)
        m_ruleForm->updateSupport(context().model());
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
    if (!m_shown.transforms.empty())
        text += tr("; transforms first: %1").arg(m_shown.transforms.size());
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
        m_whyNotRun->hide();
        return;
    }
    const QString reason = context().whyNotRun();
    m_whyNotRun->setText(reason);
    m_whyNotRun->setVisible(context().model() && !reason.isEmpty()); // without a model every view says so
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

void RecipeEditorDock::editStep(const QString &field) {
    const int transform = currentTransform(), rule = currentRule();
    if (transform >= 0)
        m_shown.transforms[static_cast<std::size_t>(transform)] = m_transformForm->step();
    else if (rule >= 0)
        m_shown.rules[static_cast<std::size_t>(rule)] = m_ruleForm->rule();
    else
        return;
    followName(context().recipe(), m_shown);
    m_name->setText(QString::fromStdString(m_shown.name));
    // The form shows the change already: only what follows from it is brought up to date.
    const QString text = transform >= 0 ? tr("change of transform %1").arg(transform + 1)
                                        : tr("change of rule %1").arg(rule + 1);
    push(m_shown, text, QStringLiteral("%1 %2").arg(text, field));
    m_chain->showRecipe(m_shown, m_chain->row());
    updateSupport();
    updateEstimate();
}

void RecipeEditorDock::editName(const QString &name) {
    m_shown.name = name.toStdString();
    push(m_shown, tr("recipe name"), QStringLiteral("name"));
}

void RecipeEditorDock::addTransform(const QString &method) {
    Recipe recipe = m_shown;
    const int current = currentTransform();
    const auto place = current < 0 ? recipe.transforms.end() : recipe.transforms.begin() + current + 1;
    recipe.transforms.insert(place, {".*", {method.toStdString()}});
    push(std::move(recipe), tr("transform %1").arg(method));
}

void RecipeEditorDock::addRuleForAll() {
    LayerChoice choice;
    choice.weight.emplace();
    Recipe recipe = m_shown;
    recipe.rules.push_back({".*", currentRule() < 0 ? choice : m_ruleForm->rule().choice});
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

void RecipeEditorDock::removeStep() {
    Recipe recipe = m_shown;
    if (const int transform = currentTransform(); transform >= 0) {
        recipe.transforms.erase(recipe.transforms.begin() + transform);
        push(std::move(recipe), tr("deletion of transform %1").arg(transform + 1));
    } else if (const int rule = currentRule(); rule >= 0) {
        recipe.rules.erase(recipe.rules.begin() + rule);
        push(std::move(recipe), tr("deletion of rule %1").arg(rule + 1));
    }
}

void RecipeEditorDock::moveStep(int step) {
    const int transform = currentTransform(), rule = currentRule(), row = m_chain->row();
    Recipe recipe = m_shown;
    const auto swap = [step](auto &steps, int index) {
        const int target = index + step;
        if (index < 0 || target < 0 || target >= static_cast<int>(steps.size()))
            return false;
        std::swap(steps[static_cast<std::size_t>(index)], steps[static_cast<std::size_t>(target)]);
        return true;
    };
    const QString text =
        transform >= 0 ? tr("move of transform %1").arg(transform + 1) : tr("move of rule %1").arg(rule + 1);
    if (!swap(recipe.transforms, transform) && !swap(recipe.rules, rule))
        return;
    m_chain->showRecipe(m_shown, row + step); // the step that moves stays the current one
    push(std::move(recipe), text);
}

} // namespace qs::views
