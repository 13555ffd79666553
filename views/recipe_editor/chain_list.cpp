#include "views/recipe_editor/chain_list.h"

#include "views/recipe_editor/method_fields.h"
#include "views/shared/flow_layout.h"
#include "views/shared/format_text.h"
#include "views/shared/recipe_text.h"

#include <QListWidget>
#include <QMenu>
#include <QScopedValueRollback>
#include <QToolButton>
#include <QVBoxLayout>

namespace qs::views {
namespace {

constexpr int kFewestSteps = 2, kMostSteps = 5; ///< seen at once; more are scrolled
constexpr int kShownCharacters = 44;

QString patternText(const std::string &pattern) {
    return pattern == ".*" ? ChainList::tr("All layers") : QString::fromStdString(pattern);
}

} // namespace

ChainList::ChainList(std::shared_ptr<const MethodRegistry> methods, QWidget *parent)
    : QWidget(parent), m_methods(std::move(methods)), m_list(new QListWidget) {
    m_list->setAccessibleName(tr("Transforms and rules"));
    m_list->setToolTip(tr("Transforms are applied from top to bottom; then, of all rules that match a layer, "
                          "the last one wins"));
    m_list->setTextElideMode(Qt::ElideMiddle);
    m_list->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    m_list->setAlternatingRowColors(true);
    auto *layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(4);
    layout->addWidget(m_list);
    layout->addWidget(makeButtons());
    connect(m_list, &QListWidget::currentRowChanged, this, [this] {
        updateButtons();
        if (!m_showing)
            emit rowChanged(row());
    });
    showSelectionSize(0);
    updateButtons();
    fitHeight();
}

QWidget *ChainList::makeButtons() {
    auto *bar = new QWidget;
    auto *layout = new FlowLayout(bar);
    const auto add = [layout](const QString &text, const QString &toolTip) {
        auto *button = new QToolButton;
        button->setText(text);
        button->setToolTip(toolTip);
        layout->addWidget(button);
        return button;
    };
    auto *transform =
        add(tr("+ Transform"), tr("Adds a change of what enters layers, before they are quantized"));
    transform->setPopupMode(QToolButton::InstantPopup);
    transform->setMenu(makeTransformMenu());
    if (transform->menu()->isEmpty()) {
        transform->setEnabled(false);
        transform->setToolTip(tr("No plugin that is installed has a transform"));
    }
    connect(add(tr("+ All layers"), tr("Adds a rule for every layer")), &QToolButton::clicked, this,
            &ChainList::addRuleWanted);
    m_addForSelection = add(tr("+ Selection"), {});
    m_up =
        add(QStringLiteral("▲"), tr("Moves it up: transforms are applied earlier, later rules win over it"));
    m_up->setAccessibleName(tr("Move up"));
    m_down = add(QStringLiteral("▼"),
                 tr("Moves it down: transforms are applied later, it wins over earlier rules"));
    m_down->setAccessibleName(tr("Move down"));
    m_remove = add(tr("Delete"), tr("Deletes the rule or transform"));
    connect(m_addForSelection, &QToolButton::clicked, this, &ChainList::addRuleForSelectionWanted);
    connect(m_up, &QToolButton::clicked, this, [this] { emit moveWanted(-1); });
    connect(m_down, &QToolButton::clicked, this, [this] { emit moveWanted(1); });
    connect(m_remove, &QToolButton::clicked, this, &ChainList::removeWanted);
    return bar;
}

QMenu *ChainList::makeTransformMenu() {
    auto *menu = new QMenu(this);
    menu->setToolTipsVisible(true);
    for (const auto &transform : m_methods->transforms()) {
        const MethodInfo &info = transform->info();
        QAction *action = menu->addAction(methodTitle(info));
        action->setToolTip(methodToolTip(info));
        connect(action, &QAction::triggered, this,
                [this, id = QString::fromStdString(info.id)] { emit addTransformWanted(id); });
    }
    return menu;
}

int ChainList::row() const {
    const int row = m_list->currentRow();
    return row < m_transforms + m_rules ? row : -1;
}

void ChainList::showRecipe(const Recipe &recipe, int row) {
    const QScopedValueRollback showing(m_showing, true);
    m_transforms = static_cast<int>(recipe.transforms.size());
    m_rules = static_cast<int>(recipe.rules.size());
    m_list->clear();
    int number = 0;
    for (const TransformStep &step : recipe.transforms)
        addTransformItem(step, ++number);
    for (const RecipeRule &rule : recipe.rules)
        addRuleItem(rule);
    m_list->setCurrentRow(row);
    fitHeight();
    updateButtons();
}

void ChainList::addItem(const QString &title, const QString &text, const QString &toolTip) {
    auto *item = new QListWidgetItem(title + '\n' + text, m_list);
    item->setToolTip(toolTip);
}

void ChainList::addTransformItem(const TransformStep &step, int number) {
    const MethodInfo *info = m_methods->info(step.method.method);
    const QString name =
        info ? methodTitle(*info) : tr("%1 (missing)").arg(QString::fromStdString(step.method.method));
    const QString pattern = patternText(step.layers);
    const QString parameters = parametersText(step.method, *m_methods);
    const QString text = parameters.isEmpty() ? tr("default parameters") : parameters;
    addItem(tr("Transform %1: %2").arg(number).arg(name),
            elideMiddle(pattern, kShownCharacters) + QStringLiteral(" · ") + text,
            QStringList{name, pattern, text}.join('\n'));
}

void ChainList::addRuleItem(const RecipeRule &rule) {
    const QString pattern = patternText(rule.layers), text = choiceText(rule.choice);
    addItem(elideMiddle(pattern, kShownCharacters), text, pattern + '\n' + text);
}

void ChainList::fitHeight() {
    const int steps = std::clamp(m_transforms + m_rules, kFewestSteps, kMostSteps);
    const int step = m_list->count() > 0 ? m_list->sizeHintForRow(0) : 2 * fontMetrics().height() + 4;
    m_list->setFixedHeight(steps * step + 2 * m_list->frameWidth());
}

void ChainList::showSelectionSize(int layers) {
    m_addForSelection->setEnabled(layers > 0);
    m_addForSelection->setToolTip(layers > 0
                                      ? tr("Adds a rule for the layers that are selected: %1").arg(layers)
                                      : tr("Select layers in the table or the model tree first"));
}

void ChainList::updateButtons() {
    const int current = row();
    const int first = current < m_transforms ? 0 : m_transforms;
    const int end = current < m_transforms ? m_transforms : m_transforms + m_rules;
    m_up->setEnabled(current > first);
    m_down->setEnabled(current >= 0 && current + 1 < end);
    m_remove->setEnabled(current >= 0);
}

} // namespace qs::views
