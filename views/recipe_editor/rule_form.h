#pragma once

#include "core/graph/model.h"
#include "core/quant/method_registry.h"
#include "core/quant/recipe.h"

#include <QWidget>

class QCheckBox;
class QLabel;
class QLineEdit;

namespace qs::views {

class GridForm;
class WeightForm;

/// One rule of a recipe: which layers, weights, activations.
class RuleForm final : public QWidget {
    Q_OBJECT
public:
    RuleForm(std::shared_ptr<const MethodRegistry> methods, QWidget *parent = nullptr);

    /// Does not emit edited().
    void setRule(const RecipeRule &rule);
    RecipeRule rule() const;
    /// Tells how many layers match and greys what the method refuses for them. Model may be null.
    void updateSupport(const std::shared_ptr<const Model> &model);

signals:
    void edited(const QString &field);

private:
    void editPattern(const QString &pattern);
    void showParts();
    void tellEdited(const QString &field);

    QLineEdit *m_pattern = nullptr;
    QLabel *m_matches = nullptr;
    QCheckBox *m_weightOn = nullptr, *m_activationOn = nullptr;
    WeightForm *m_weight = nullptr;
    QWidget *m_activationPart = nullptr;
    GridForm *m_activation = nullptr;
    ActivationChoice m_activationChoice; ///< last shown: how its scale is found
    std::string m_validPattern;          ///< the last text that was a regular expression
    bool m_showing = false;
};

} // namespace qs::views
