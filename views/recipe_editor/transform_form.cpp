#include "views/recipe_editor/transform_form.h"

#include "views/recipe_editor/method_fields.h"
#include "views/recipe_editor/pattern_field.h"

#include <QLabel>
#include <QVBoxLayout>

namespace qs::views {

TransformForm::TransformForm(std::shared_ptr<const MethodRegistry> methods, QWidget *parent)
    : QWidget(parent),
      m_pattern(new PatternField(
          tr("Regular expression (ECMAScript) that must match the whole name of a layer; the transform is "
             "applied where all layers that read one tensor match. .* is every layer"))) {
    auto *layout = new QVBoxLayout(this);
    layout->setContentsMargins(6, 6, 6, 6);
    layout->addWidget(m_pattern);
    auto *form = new QFormLayout;
    form->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
    layout->addLayout(form);
    m_method = new MethodFields(std::move(methods), MethodKind::Transform, form, this);
    m_method->addMethodRows(tr("Transform"), tr("Changes what enters layers before they are quantized"));
    m_method->addParameterRow();
    auto *note = new QLabel(tr("Transforms are applied in the order of the list, before any rule. The float "
                               "model computes the same as before."));
    note->setWordWrap(true);
    note->setForegroundRole(QPalette::PlaceholderText);
    form->addRow(note);
    layout->addStretch();
    connect(m_pattern, &PatternField::edited, this, [this] { emit edited(QStringLiteral("pattern")); });
    connect(m_method, &MethodFields::edited, this, &TransformForm::edited);
}

void TransformForm::setStep(const TransformStep &step) {
    m_pattern->setPattern(step.layers);
    m_method->setChoice(step.method);
}

TransformStep TransformForm::step() const {
    return {m_pattern->pattern(), m_method->choice().value_or(MethodChoice{})};
}

void TransformForm::showMatches(const Model *model) {
    m_pattern->showMatches(model);
}

} // namespace qs::views
