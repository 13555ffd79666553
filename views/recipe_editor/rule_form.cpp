#include "views/recipe_editor/rule_form.h"

#include "views/recipe_editor/grid_form.h"
#include "views/recipe_editor/weight_form.h"
#include "views/shared/form_widgets.h"
#include "views/shared/recipe_text.h"

#include <QCheckBox>
#include <QLabel>
#include <QLineEdit>
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

/// Layers whose name the pattern of a rule matches as a whole.
std::vector<const Layer *> matchingLayers(const std::string &pattern, const Model *model) {
    std::vector<const Layer *> layers;
    if (model == nullptr)
        return layers;
    Recipe recipe = uniformRecipe({}, WeightChoice{}, {});
    recipe.rules.front().layers = pattern;
    for (const Layer &layer : model->layers) {
        if (recipe.choiceFor(layer.name).weight)
            layers.push_back(&layer);
    }
    return layers;
}

} // namespace

RuleForm::RuleForm(std::shared_ptr<const MethodRegistry> methods, QWidget *parent)
    : QWidget(parent), m_pattern(new QLineEdit), m_matches(new QLabel),
      m_weightOn(heading(tr("Quantize weights"), tr("Off: these layers keep float weights"))),
      m_activationOn(
          heading(tr("Quantize activations to INT8"),
                  tr("Static: one grid per tensor that enters a layer, its range chosen on the calibration "
                     "set. Off: activations stay float"))),
      m_weight(new WeightForm(std::move(methods))), m_activationPart(new QWidget) {
    auto *activationLayout = new QFormLayout(m_activationPart);
    activationLayout->setContentsMargins(0, 0, 0, 0);
    activationLayout->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
    m_activation = new GridForm(activationLayout, this);
    m_pattern->setToolTip(
        tr("Regular expression (ECMAScript) that must match the whole layer name; .* is every layer"));
    m_matches->setForegroundRole(QPalette::PlaceholderText);
    m_matches->setWordWrap(true);

    auto *patternLayout = new QFormLayout;
    patternLayout->addRow(tr("Layers"), m_pattern);
    patternLayout->addRow(QString(), m_matches);
    auto *layout = new QVBoxLayout(this);
    layout->setContentsMargins(6, 6, 6, 6);
    layout->addLayout(patternLayout);
    layout->addWidget(m_weightOn);
    layout->addWidget(m_weight);
    layout->addSpacing(6);
    layout->addWidget(m_activationOn);
    layout->addWidget(m_activationPart);
    layout->addStretch();

    connect(m_pattern, &QLineEdit::textChanged, this, &RuleForm::editPattern);
    for (QCheckBox *box : {m_weightOn, m_activationOn})
        connect(box, &QCheckBox::toggled, this, [this] {
            showParts();
            tellEdited(QStringLiteral("parts"));
        });
    connect(m_weight, &WeightForm::edited, this, &RuleForm::tellEdited);
    connect(m_activation, &GridForm::edited, this,
            [this](const QString &field) { tellEdited(QStringLiteral("activation ") + field); });
    setRule({});
}

void RuleForm::setRule(const RecipeRule &rule) {
    const QScopedValueRollback showing(m_showing, true);
    m_pattern->setText(QString::fromStdString(rule.layers));
    m_validPattern = rule.layers;
    m_weightOn->setChecked(rule.choice.weight.has_value());
    m_activationOn->setChecked(rule.choice.activation.has_value());
    // A part that is off keeps its last settings, ready to be switched on again.
    if (rule.choice.weight)
        m_weight->setChoice(*rule.choice.weight);
    if (rule.choice.activation) {
        m_activationChoice = *rule.choice.activation;
        m_activation->setGrid(rule.choice.activation->grid);
    }
    showParts();
}

RecipeRule RuleForm::rule() const {
    RecipeRule rule{m_validPattern, {}};
    if (m_weightOn->isChecked())
        rule.choice.weight = m_weight->choice();
    if (m_activationOn->isChecked())
        rule.choice.activation = {m_activation->grid(), m_activationChoice.scale, m_activationChoice.alpha};
    return rule;
}

void RuleForm::editPattern(const QString &pattern) {
    QPalette colors = palette();
    if (const Status usable = checkLayerPattern(pattern.toStdString()); usable) {
        m_validPattern = pattern.toStdString();
        tellEdited(QStringLiteral("pattern"));
    } else {
        // The recipe keeps the last good pattern until this one is whole.
        colors.setColor(QPalette::Text, QColor(0xd0, 0x3b, 0x3b));
        m_matches->setText(
            tr("⚠ %1; %2 stays in force")
                .arg(QString::fromStdString(usable.error().message), QString::fromStdString(m_validPattern)));
    }
    m_pattern->setPalette(colors);
}

void RuleForm::showParts() {
    m_weight->setVisible(m_weightOn->isChecked());
    m_activationPart->setVisible(m_activationOn->isChecked());
}

void RuleForm::updateSupport(const std::shared_ptr<const Model> &model) {
    const std::vector<const Layer *> layers = matchingLayers(m_validPattern, model.get());
    if (m_pattern->text().toStdString() == m_validPattern)
        m_matches->setText(!model ? QString()
                           : layers.empty()
                               ? tr("⚠ matches no layer of this model")
                               : tr("matches %1 of %2 layers").arg(layers.size()).arg(model->layers.size()));
    m_weight->updateSupport(layers);
}

void RuleForm::tellEdited(const QString &field) {
    if (!m_showing)
        emit edited(field);
}

} // namespace qs::views
