#pragma once

#include "core/graph/model.h"
#include "core/quant/method_registry.h"
#include "core/quant/recipe.h"

#include <QWidget>

namespace qs::views {

class MethodFields;
class PatternField;

/// One transform of a recipe: which layers, which method, its parameters.
class TransformForm final : public QWidget {
    Q_OBJECT
public:
    explicit TransformForm(std::shared_ptr<const MethodRegistry> methods, QWidget *parent = nullptr);

    /// Does not emit edited().
    void setStep(const TransformStep &step);
    TransformStep step() const;
    /// Tells how many layers match. Model may be null.
    void showMatches(const Model *model);

signals:
    void edited(const QString &field);

private:
    PatternField *m_pattern = nullptr;
    MethodFields *m_method = nullptr;
};

} // namespace qs::views
