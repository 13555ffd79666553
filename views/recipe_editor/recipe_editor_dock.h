#pragma once

#include "views/shared/view_dock.h"

class QLabel;
class QLineEdit;
class QPushButton;

namespace qs::views {

class ChainList;
class RuleForm;
class TransformForm;

/// Edits the recipe: the chain of transforms and rules, and the form of one of them. Every change is a
/// command of the undo stack.
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
    QWidget *makeFooter();
    void showRecipe();
    void showStep();
    void updateSupport();
    void updateEstimate();
    void updateRunButton();
    void editStep(const QString &field);
    void editName(const QString &name);
    void addTransform(const QString &method);
    void addRuleForAll();
    void addRuleForSelection();
    void removeStep();
    void moveStep(int step);
    void runOrCancel();
    void push(Recipe recipe, const QString &text, const QString &mergeKey = {});
    int currentRule() const;      ///< -1 when none is
    int currentTransform() const; ///< -1 when none is

    QLineEdit *m_name = nullptr;
    ChainList *m_chain = nullptr;
    RuleForm *m_ruleForm = nullptr;
    TransformForm *m_transformForm = nullptr;
    QLabel *m_estimate = nullptr;
    QLabel *m_whyNotRun = nullptr;
    QPushButton *m_run = nullptr;
    Recipe m_shown; ///< what list and form show now
};

} // namespace qs::views
