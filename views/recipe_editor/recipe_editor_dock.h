#pragma once

#include "views/shared/view_dock.h"

class QLabel;
class QLineEdit;
class QListWidget;
class QPushButton;
class QToolButton;

namespace qs::views {

class RuleForm;

/// Edits the recipe: a list of rules, the last one that matches a layer wins, and the form of one rule. Every
/// change is a command of the undo stack.
class RecipeEditorDock final : public ViewDock {
    Q_OBJECT
public:
    explicit RecipeEditorDock(WorkbenchContext &context, QWidget *parent = nullptr);

protected:
    void modelChanged() override;
    void selectionChanged() override;
    void runChanged() override;

private:
    QWidget *makeHeader();
    QWidget *makeRuleButtons();
    QWidget *makeFooter();
    QToolButton *makeRuleButton(const QString &text, const QString &toolTip,
                                void (RecipeEditorDock::*slot)());
    void showRecipe();
    void showRule(int index);
    void updateRuleList();
    void updateEstimate();
    void updateRunButton();
    void updateButtons();
    void editRule(const QString &field);
    void editName(const QString &name);
    void addRuleForAll();
    void addRuleForSelection();
    void removeRule();
    void moveRuleUp() { moveRule(-1); }
    void moveRuleDown() { moveRule(1); }
    void moveRule(int step);
    void runOrCancel();
    void push(Recipe recipe, const QString &text, const QString &mergeKey = {});
    int currentRule() const;

    QLineEdit *m_name = nullptr;
    QListWidget *m_rules = nullptr;
    QToolButton *m_addForSelection = nullptr, *m_up = nullptr, *m_down = nullptr, *m_remove = nullptr;
    RuleForm *m_form = nullptr;
    QLabel *m_estimate = nullptr;
    QPushButton *m_run = nullptr;
    Recipe m_shown; ///< what list and form show now
    bool m_showing = false;
};

} // namespace qs::views
