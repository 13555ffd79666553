#pragma once

#include "core/quant/method_registry.h"
#include "core/quant/recipe.h"

#include <QWidget>

class QListWidget;
class QMenu;
class QToolButton;

namespace qs::views {

/// The chain of a recipe as a list, transforms first, then rules, with the buttons that change it. Says what
/// the user wants; whoever owns the recipe does it.
class ChainList final : public QWidget {
    Q_OBJECT
public:
    explicit ChainList(std::shared_ptr<const MethodRegistry> methods, QWidget *parent = nullptr);

    /// Does not emit rowChanged().
    void showRecipe(const Recipe &recipe, int row);
    /// Selected layers, for the button that adds a rule for them.
    void showSelectionSize(int layers);
    /// Transforms count from 0, rules follow; -1 = none.
    int row() const;

signals:
    void rowChanged(int row);
    void addTransformWanted(const QString &method);
    void addRuleWanted();
    void addRuleForSelectionWanted();
    void moveWanted(int step);
    void removeWanted();

private:
    QWidget *makeButtons();
    QMenu *makeTransformMenu();
    void addItem(const QString &title, const QString &text, const QString &toolTip);
    void addTransformItem(const TransformStep &step, int number);
    void addRuleItem(const RecipeRule &rule);
    void updateButtons();
    void fitHeight();

    std::shared_ptr<const MethodRegistry> m_methods;
    QListWidget *m_list = nullptr;
    QToolButton *m_addForSelection = nullptr, *m_up = nullptr, *m_down = nullptr, *m_remove = nullptr;
    int m_transforms = 0, m_rules = 0;
    bool m_showing = false;
};

} // namespace qs::views
