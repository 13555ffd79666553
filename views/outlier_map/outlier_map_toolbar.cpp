#include "views/outlier_map/outlier_map_toolbar.h"

#include "views/shared/flow_layout.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QDoubleValidator>
#include <QLineEdit>
#include <QPushButton>

namespace qs::views {

namespace {

using Mode = OutlierMapRequest::Mode;
using Rule = OutlierMapRequest::Rule;
using Range = ColorChoice::Range;

QLineEdit *numberEdit(const QString &tip) {
    auto *edit = new QLineEdit;
    auto *validator = new QDoubleValidator(edit);
    validator->setLocale(QLocale::c());
    edit->setValidator(validator);
    edit->setMaximumWidth(edit->fontMetrics().horizontalAdvance("-0.0000000"));
    edit->setToolTip(tip);
    return edit;
}

} // namespace

OutlierMapToolbar::OutlierMapToolbar(QWidget *parent)
    : QWidget(parent), m_mode(new QComboBox), m_statistic(new QComboBox), m_map(new QComboBox),
      m_range(new QComboBox), m_rule(new QComboBox), m_log(new QCheckBox(tr("Log"))),
      m_percentile(new QDoubleSpinBox), m_threshold(new QDoubleSpinBox),
      m_lo(numberEdit(tr("Lowest value shown"))), m_hi(numberEdit(tr("Highest value shown"))) {
    m_mode->addItem(tr("layer × channel"), static_cast<int>(Mode::LayerChannel));
    m_mode->addItem(tr("token × channel"), static_cast<int>(Mode::TokenChannel));
    m_mode->addItem(tr("weight: out × in"), static_cast<int>(Mode::Weight));
    m_mode->setToolTip(tr("layer × channel: one statistic of every activation channel of every layer\n"
                          "token × channel: raw activations at the input of the selected layer\n"
                          "weight: every weight of the selected layer"));
    m_log->setChecked(true);
    m_log->setToolTip(tr("Logarithmic colours: keeps ordinary values apart beside huge outliers"));
    m_range->addItem(tr("full"), static_cast<int>(Range::Full));
    m_range->addItem(tr("percentile"), static_cast<int>(Range::Percentile));
    m_range->addItem(tr("manual"), static_cast<int>(Range::Manual));
    m_range->setToolTip(tr("Which values the colours cover; what lies outside takes the end colours"));
    m_percentile->setRange(50, 100);
    m_percentile->setDecimals(2);
    m_percentile->setValue(99.9);
    m_percentile->setSuffix(tr(" %"));
    m_percentile->setToolTip(tr("Share of the values, by magnitude, that the colours cover"));
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
    m_percentile->setKeyboardTracking(false);
    for (QComboBox *box : {m_mode, m_statistic, m_map, m_range, m_rule})
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
    flow->addPair(tr("Colours"), m_map);
    flow->addWidget(m_log);
    flow->addPair(tr("Range"), m_range);
    flow->addWidget(m_percentile);
    flow->addWidget(m_lo);
    flow->addWidget(m_hi);
    flow->addWidget(fit);
    m_threshold->setAccessibleName(tr("Outlier threshold"));
    m_percentile->setAccessibleName(tr("Percentile of the range"));
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
        fillColorMaps();
        emit requestChanged();
    });
    connect(m_rule, &QComboBox::currentIndexChanged, this, [this] {
        updateVisibility();
        emit requestChanged();
    });
    connect(m_threshold, &QDoubleSpinBox::valueChanged, this, &OutlierMapToolbar::requestChanged);
    connect(m_map, &QComboBox::currentIndexChanged, this, [this] {
        colorState().map = m_map->currentData().toString();
        emit colorsChanged();
    });
    connect(m_range, &QComboBox::currentIndexChanged, this, [this] {
        updateVisibility();
        emit colorsChanged();
    });
    connect(m_log, &QCheckBox::toggled, this, [this](bool on) {
        colorState().logarithmic = on;
        emit colorsChanged();
    });
    connect(m_percentile, &QDoubleSpinBox::valueChanged, this, &OutlierMapToolbar::colorsChanged);
    connect(m_lo, &QLineEdit::editingFinished, this, &OutlierMapToolbar::colorsChanged);
    connect(m_hi, &QLineEdit::editingFinished, this, &OutlierMapToolbar::colorsChanged);
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
    fillColorMaps();
}

void OutlierMapToolbar::fillColorMaps() {
    const QSignalBlocker blocker(m_map);
    m_map->clear();
    // A diverging map says "zero is here", which would be a lie for magnitudes.
    for (const auto kind : {ColorMap::Kind::Diverging, ColorMap::Kind::Sequential})
        for (const ColorMap &map : builtinColorMaps())
            if (map.kind == kind && (isSigned() || kind == ColorMap::Kind::Sequential))
                m_map->addItem(QString::fromStdString(map.name), QString::fromStdString(map.id));
    m_map->setCurrentIndex(std::max(0, m_map->findData(colorState().map)));
    const QSignalBlocker logBlocker(m_log);
    m_log->setChecked(colorState().logarithmic);
    m_map->setToolTip(tr("Colours whose lightness follows the value"));
    m_statistic->setToolTip(m_statistic->currentData(Qt::ToolTipRole).toString());
}

void OutlierMapToolbar::updateVisibility() {
    const auto range = static_cast<Range>(m_range->currentData().toInt());
    m_percentile->setVisible(range == Range::Percentile);
    m_lo->setVisible(range == Range::Manual);
    m_hi->setVisible(range == Range::Manual);
    m_threshold->setVisible(static_cast<Rule>(m_rule->currentData().toInt()) != Rule::None);
}

void OutlierMapToolbar::applyTo(OutlierMapRequest &request) const {
    request.mode = mode();
    request.statistic = static_cast<OutlierMapRequest::Statistic>(m_statistic->currentData().toInt());
    request.rule = static_cast<Rule>(m_rule->currentData().toInt());
    request.threshold = m_threshold->value();
}

ColorChoice OutlierMapToolbar::colorChoice() const {
    return {m_log->isChecked(), static_cast<Range>(m_range->currentData().toInt()), m_percentile->value(),
            m_lo->text().toDouble(), m_hi->text().toDouble()};
}

const ColorMap &OutlierMapToolbar::colorMap() const {
    const ColorMap *map = findColorMap(m_map->currentData().toString().toStdString());
    return map ? *map : builtinColorMaps().front();
}

void OutlierMapToolbar::setMode(OutlierMapRequest::Mode mode) {
    m_mode->setCurrentIndex(m_mode->findData(static_cast<int>(mode)));
}

void OutlierMapToolbar::showRange(const HeatMapScale &scale) {
    if (static_cast<Range>(m_range->currentData().toInt()) == Range::Manual && !m_hi->text().isEmpty())
        return;
    m_lo->setText(QString::number(scale.lowest(), 'g', 4));
    m_hi->setText(QString::number(scale.hi, 'g', 4));
}

} // namespace qs::views
