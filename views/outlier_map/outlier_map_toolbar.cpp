#include "views/outlier_map/outlier_map_toolbar.h"

#include "views/shared/flow_layout.h"

#include <QComboBox>
#include <QDoubleSpinBox>
#include <QPushButton>

namespace qs::views {

namespace {

using Mode = OutlierMapRequest::Mode;
using Rule = OutlierMapRequest::Rule;

} // namespace

OutlierMapToolbar::OutlierMapToolbar(QWidget *parent)
    : QWidget(parent), m_mode(new QComboBox), m_statistic(new QComboBox), m_rule(new QComboBox),
      m_threshold(new QDoubleSpinBox) {
    m_mode->addItem(tr("layer × channel"), static_cast<int>(Mode::LayerChannel));
    m_mode->addItem(tr("token × channel"), static_cast<int>(Mode::TokenChannel));
    m_mode->addItem(tr("weight: out × in"), static_cast<int>(Mode::Weight));
    m_mode->setToolTip(tr("layer × channel: one statistic of every activation channel of every layer\n"
                          "token × channel: raw activations at the input of the selected layer\n"
                          "weight: every weight of the selected layer"));
    m_rule->addItem(tr("none"), static_cast<int>(Rule::None));
    m_rule->addItem(tr("× median"), static_cast<int>(Rule::TimesMedian));
    m_rule->addItem(tr("≥ value"), static_cast<int>(Rule::Absolute));
    m_rule->setToolTip(tr("× median: |value| ≥ k times the median |value| of the layer\n"
                          "≥ value: |value| ≥ a fixed limit (LLM.int8() uses 6)\n"
                          "Outliers are marked along the edges, and outlined when zoomed in"));
    m_rule->setCurrentIndex(1);
    m_threshold->setRange(0.1, 99999);
    m_threshold->setDecimals(1);
    m_threshold->setStepType(QAbstractSpinBox::AdaptiveDecimalStepType);
    m_threshold->setValue(8);
    m_threshold->setKeyboardTracking(false);
    for (QComboBox *box : {m_mode, m_statistic, m_rule})
        box->setSizeAdjustPolicy(QComboBox::AdjustToContents);
    auto *fit = new QPushButton(tr("Fit"));
    fit->setMaximumWidth(fit->fontMetrics().horizontalAdvance(fit->text()) + 24);
    fit->setToolTip(tr("Show the whole map (F, or double click)\n"
                       "Wheel zooms, Ctrl+wheel columns only, Shift+wheel rows only; drag pans"));

    auto *flow = new FlowLayout(this);
    flow->addPair(tr("Map"), m_mode);
    flow->addPair(tr("Value"), m_statistic);
    flow->addPair(tr("Outliers"), m_rule);
    flow->addWidget(m_threshold);
    m_colors = new ColorControls(*flow, ValueKind::Magnitude, this);
    flow->addWidget(fit);
    m_threshold->setAccessibleName(tr("Outlier threshold"));
    fillStatistics();
    updateVisibility();
    connectControls();
    connect(fit, &QPushButton::clicked, this, &OutlierMapToolbar::fitWanted);
}

void OutlierMapToolbar::connectControls() {
    connect(m_mode, &QComboBox::currentIndexChanged, this, [this] {
        fillStatistics();
        emit requestChanged();
    });
    connect(m_statistic, &QComboBox::currentIndexChanged, this, [this] {
        updateStatistic();
        emit requestChanged();
    });
    connect(m_rule, &QComboBox::currentIndexChanged, this, [this] {
        updateVisibility();
        emit requestChanged();
    });
    connect(m_threshold, &QDoubleSpinBox::valueChanged, this, &OutlierMapToolbar::requestChanged);
}

OutlierMapRequest::Mode OutlierMapToolbar::mode() const {
    return static_cast<Mode>(m_mode->currentData().toInt());
}

bool OutlierMapToolbar::isSigned() const {
    for (const StatisticInfo &info : statisticsOf(mode()))
        if (static_cast<int>(info.statistic) == m_statistic->currentData().toInt())
            return info.isSigned;
    return false;
}

void OutlierMapToolbar::fillStatistics() {
    const QSignalBlocker blocker(m_statistic);
    m_statistic->clear();
    for (const StatisticInfo &info : statisticsOf(mode())) {
        m_statistic->addItem(QString::fromUtf8(info.title), static_cast<int>(info.statistic));
        m_statistic->setItemData(m_statistic->count() - 1, QString::fromUtf8(info.formula), Qt::ToolTipRole);
    }
    updateStatistic();
}

void OutlierMapToolbar::updateStatistic() {
    m_statistic->setToolTip(m_statistic->currentData(Qt::ToolTipRole).toString());
    m_colors->setKind(isSigned() ? ValueKind::Signed : ValueKind::Magnitude);
}

void OutlierMapToolbar::updateVisibility() {
    m_threshold->setVisible(static_cast<Rule>(m_rule->currentData().toInt()) != Rule::None);
}

void OutlierMapToolbar::applyTo(OutlierMapRequest &request) const {
    request.mode = mode();
    request.statistic = static_cast<OutlierMapRequest::Statistic>(m_statistic->currentData().toInt());
    request.rule = static_cast<Rule>(m_rule->currentData().toInt());
    request.threshold = m_threshold->value();
}

void OutlierMapToolbar::setMode(OutlierMapRequest::Mode mode) {
    m_mode->setCurrentIndex(m_mode->findData(static_cast<int>(mode)));
}

} // namespace qs::views
