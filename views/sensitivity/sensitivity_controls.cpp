#include "views/sensitivity/sensitivity_controls.h"

#include "views/sensitivity/sensitivity_model.h"
#include "views/shared/flow_layout.h"

#include <QCheckBox>
#include <QComboBox>
#include <QHBoxLayout>
#include <QPushButton>
#include <QSpinBox>

namespace qs::views {
namespace {

/// Keeps the grids of the recipe; parameters belong to the method that they were set for. A rule in front
/// gives the method to layers that no other rule quantizes.
void useMethod(Recipe &recipe, const std::string &method) {
    for (RecipeRule &rule : recipe.rules) {
        auto &weight = rule.choice.weight;
        if (!weight)
            weight.emplace();
        if (weight->method != method)
            weight->parameters = nlohmann::json::object();
        weight->method = method;
    }
    WeightChoice fallback;
    fallback.method = method;
    recipe.rules.insert(recipe.rules.begin(), {".*", {fallback, {}}});
}

} // namespace

SensitivityControls::SensitivityControls(const MethodRegistry &methods, QWidget *parent)
    : QWidget(parent), m_metric(new QComboBox), m_method(new QComboBox), m_samples(new QSpinBox),
      m_measure(new QPushButton) {
    for (const SensitivityMetric &metric : sensitivityMetrics()) {
        m_metric->addItem(metric.unit.isEmpty() ? metric.name : metric.name + " [" + metric.unit + ']');
        m_metric->setItemData(m_metric->count() - 1, metric.formula, Qt::ToolTipRole);
    }
    m_method->addItem(tr("as in the recipe"), QString());
    for (const auto &method : methods.all()) {
        m_method->addItem(QString::fromStdString(method->info().name),
                          QString::fromStdString(method->info().id));
        m_method->setItemData(m_method->count() - 1, QString::fromStdString(method->info().summary),
                              Qt::ToolTipRole);
    }
    m_method->setToolTip(tr(
        "Method that quantizes each layer; grid, range rule and granularity are the recipe's, or per channel "
        "min-max for layers that the recipe keeps in float"));
    m_samples->setRange(0, 1000000);
    m_samples->setSpecialValueText(tr("all"));
    m_samples->setValue(static_cast<int>(SensitivityOptions().samples));
    m_samples->setToolTip(
        tr("Samples of the evaluation set on which the model's output is compared; fewer is faster"));

    auto *bits = new QWidget;
    auto *bitsRow = new QHBoxLayout(bits);
    bitsRow->setContentsMargins(0, 0, 0, 0);
    bitsRow->setSpacing(6);
    const std::vector<int> usual = SensitivityOptions().bits;
    for (int count = 2; count <= 8; ++count) {
        auto *box = new QCheckBox(QString::number(count));
        box->setChecked(std::find(usual.begin(), usual.end(), count) != usual.end());
        box->setAccessibleName(tr("%1 bit").arg(count));
        connect(box, &QCheckBox::toggled, this, &SensitivityControls::updateButton);
        bitsRow->addWidget(box);
        m_bits.push_back(box);
    }
    auto *flow = new FlowLayout(this);
    flow->addPair(tr("Metric"), m_metric);
    flow->addPair(tr("Bits"), bits);
    flow->addPair(tr("Method"), m_method);
    flow->addPair(tr("Samples"), m_samples);
    flow->addWidget(m_measure);
    updateButton();

    const auto showFormula = [this] {
        m_metric->setToolTip(m_metric->currentData(Qt::ToolTipRole).toString());
    };
    showFormula();
    connect(m_metric, &QComboBox::currentIndexChanged, this, [this, showFormula] {
        showFormula();
        emit metricChanged();
    });
    connect(m_measure, &QPushButton::clicked, this, [this] {
        if (m_running)
            emit stopWanted();
        else
            emit measureWanted();
    });
}

int SensitivityControls::metricIndex() const {
    return std::max(0, m_metric->currentIndex());
}

SensitivityOptions SensitivityControls::options(const Recipe &recipe) const {
    SensitivityOptions options;
    options.bits.clear();
    for (std::size_t i = 0; i < m_bits.size(); ++i)
        if (m_bits[i]->isChecked())
            options.bits.push_back(static_cast<int>(i) + 2);
    options.recipe = recipe;
    if (const std::string method = m_method->currentData().toString().toStdString(); !method.empty())
        useMethod(options.recipe, method);
    options.samples = m_samples->value();
    return options;
}

void SensitivityControls::setState(bool running, const QString &whyNot) {
    m_running = running;
    m_whyNot = whyNot;
    updateButton();
}

void SensitivityControls::updateButton() {
    const bool anyBits =
        std::any_of(m_bits.begin(), m_bits.end(), [](const QCheckBox *box) { return box->isChecked(); });
    m_measure->setText(m_running ? tr("Stop") : tr("Measure"));
    m_measure->setEnabled(m_running || (anyBits && m_whyNot.isEmpty()));
    m_measure->setToolTip(
        m_running             ? tr("Stop; what is measured stays")
        : !m_whyNot.isEmpty() ? m_whyNot
        : !anyBits            ? tr("Choose at least one bit-width.")
                   : tr("Quantize each layer alone at each bit-width and compare the model's output"));
}

} // namespace qs::views
