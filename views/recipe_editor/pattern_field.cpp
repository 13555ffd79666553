#include "views/recipe_editor/pattern_field.h"

#include "core/quant/recipe.h"

#include <QFormLayout>
#include <QLabel>
#include <QLineEdit>
#include <QScopedValueRollback>

namespace qs::views {
namespace {

/// Layers whose name the pattern matches as a whole.
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

PatternField::PatternField(const QString &toolTip, QWidget *parent)
    : QWidget(parent), m_pattern(new QLineEdit), m_matches(new QLabel) {
    m_pattern->setToolTip(toolTip);
    m_pattern->setAccessibleName(tr("Layers"));
    m_matches->setForegroundRole(QPalette::PlaceholderText);
    m_matches->setWordWrap(true);
    auto *layout = new QFormLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addRow(tr("Layers"), m_pattern);
    layout->addRow(QString(), m_matches);
    connect(m_pattern, &QLineEdit::textChanged, this, &PatternField::take);
}

void PatternField::setPattern(const std::string &pattern) {
    const QScopedValueRollback showing(m_showing, true);
    m_pattern->setText(QString::fromStdString(pattern));
    m_valid = pattern;
}

void PatternField::take(const QString &pattern) {
    QPalette colors = palette();
    if (const Status usable = checkLayerPattern(pattern.toStdString()); usable) {
        m_valid = pattern.toStdString();
        if (!m_showing)
            emit edited();
    } else {
        // The recipe keeps the last good pattern until this one is whole.
        colors.setColor(QPalette::Text, QColor(0xd0, 0x3b, 0x3b));
        m_matches->setText(
            tr("⚠ %1; %2 stays in force")
                .arg(QString::fromStdString(usable.error().message), QString::fromStdString(m_valid)));
    }
    m_pattern->setPalette(colors);
}

std::vector<const Layer *> PatternField::showMatches(const Model *model) {
    std::vector<const Layer *> layers = matchingLayers(m_valid, model);
    if (m_pattern->text().toStdString() == m_valid)
        m_matches->setText(model == nullptr ? QString()
                           : layers.empty()
                               ? tr("⚠ matches no layer of this model")
                               : tr("matches %1 of %2 layers").arg(layers.size()).arg(model->layers.size()));
    return layers;
}

} // namespace qs::views
