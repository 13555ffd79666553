#pragma once

#include "core/graph/model.h"
#include "core/quant/method_registry.h"
#include "core/quant/recipe.h"

#include <QWidget>

class QCheckBox;

namespace qs::views {

class ActivationForm;
class PatternField;
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
    void showParts();
    void tellEdited(const QString &field);

    PatternField *m_pattern = nullptr;
    QCheckBox *m_weightOn = nullptr, *m_activationOn = nullptr;
    WeightForm *m_weight = nullptr;
    ActivationForm *m_activation = nullptr;
    bool m_showing = false;
};

} // namespace qs::views
