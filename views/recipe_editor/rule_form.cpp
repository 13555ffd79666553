#include "views/recipe_editor/rule_form.h"

#include "views/recipe_editor/activation_form.h"
#include "views/recipe_editor/pattern_field.h"
#include "views/recipe_editor/weight_form.h"

#include <QCheckBox>
#include <QScopedValueRollback>
#include <QVBoxLayout>

namespace qs::views {
namespace {

QCheckBox *heading(const QString &text, const QString &toolTip) {
    auto *box = new QCheckBox(text);
    QFont font = box->font();
    font.setBold(true);
    box->setFont(font);
    box->setToolTip(toolTip);
    return box;
}

} // namespace

RuleForm::RuleForm(std::shared_ptr<const MethodRegistry> methods, QWidget *parent)
    : QWidget(parent),
      m_pattern(new PatternField(
          tr("Regular expression (ECMAScript) that must match the whole layer name; .* is every layer"))),
      m_weightOn(heading(tr("Quantize weights"), tr("Off: these layers keep float weights"))),
      m_activationOn(heading(tr("Quantize activations"),
                             tr("The tensor that enters a layer. Off: activations stay float"))),
      m_weight(new WeightForm(std::move(methods))), m_activation(new ActivationForm) {
    auto *layout = new QVBoxLayout(this);
    layout->setContentsMargins(6, 6, 6, 6);
    layout->addWidget(m_pattern);
    layout->addWidget(m_weightOn);
    layout->addWidget(m_weight);
    layout->addSpacing(6);
    layout->addWidget(m_activationOn);
    layout->addWidget(m_activation);
    layout->addStretch();

    connect(m_pattern, &PatternField::edited, this, [this] { tellEdited(QStringLiteral("pattern")); });
    for (QCheckBox *box : {m_weightOn, m_activationOn})
        connect(box, &QCheckBox::toggled, this, [this] {
            showParts();
            tellEdited(QStringLiteral("parts"));
        });
    connect(m_weight, &WeightForm::edited, this, &RuleForm::tellEdited);
    connect(m_activation, &ActivationForm::edited, this,
            [this](const QString &field) { tellEdited(QStringLiteral("activation ") + field); });
    setRule({});
}

void RuleForm::setRule(const RecipeRule &rule) {
    const QScopedValueRollback showing(m_showing, true);
    m_pattern->setPattern(rule.layers);
    m_weightOn->setChecked(rule.choice.weight.has_value());
    m_activationOn->setChecked(rule.choice.activation.has_value());
    // A part that is off keeps its last settings, ready to be switched on again.
    if (rule.choice.weight)
        m_weight->setChoice(*rule.choice.weight);
    if (rule.choice.activation)
        m_activation->setChoice(*rule.choice.activation);
    showParts();
}

RecipeRule RuleForm::rule() const {
    RecipeRule rule{m_pattern->pattern(), {}};
    if (m_weightOn->isChecked())
        rule.choice.weight = m_weight->choice();
    if (m_activationOn->isChecked())
        rule.choice.activation = m_activation->choice();
    return rule;
}

void RuleForm::showParts() {
    m_weight->setVisible(m_weightOn->isChecked());
    m_activation->setVisible(m_activationOn->isChecked());
}

void RuleForm::updateSupport(const std::shared_ptr<const Model> &model) {
    m_weight->updateSupport(m_pattern->showMatches(model.get()));
}

void RuleForm::tellEdited(const QString &field) {
    if (!m_showing)
        emit edited(field);
}

} // namespace qs::views
