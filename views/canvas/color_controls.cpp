#include "views/canvas/color_controls.h"

#include "views/shared/flow_layout.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QDoubleValidator>
#include <QLineEdit>

namespace qs::views {

namespace {

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

ColorControls::ColorControls(FlowLayout &toolbar, ValueKind kind, QObject *parent)
    : QObject(parent), m_kind(kind), m_map(new QComboBox), m_range(new QComboBox),
      m_log(new QCheckBox(tr("Log"))), m_percentile(new QDoubleSpinBox),
      m_lo(numberEdit(tr("Lowest value shown"))), m_hi(numberEdit(tr("Highest value shown"))) {
    m_map->setToolTip(tr("Colours whose lightness follows the value"));
    m_log->setToolTip(tr("Logarithmic colours: keeps ordinary values apart beside huge outliers"));
    m_range->addItem(tr("full"), static_cast<int>(Range::Full));
    m_range->addItem(tr("percentile"), static_cast<int>(Range::Percentile));
    m_range->addItem(tr("manual"), static_cast<int>(Range::Manual));
    m_range->setToolTip(tr("Which values the colours cover; what lies outside takes the end colours"));
    m_percentile->setRange(50, 100);
    m_percentile->setDecimals(2);
    m_percentile->setValue(99.9);
    m_percentile->setSuffix(tr(" %"));
    m_percentile->setKeyboardTracking(false);
    m_percentile->setToolTip(tr("Share of the values, by magnitude, that the colours cover"));
    m_percentile->setAccessibleName(tr("Percentile of the range"));
    m_lo->setAccessibleName(tr("Lowest value shown"));
    m_hi->setAccessibleName(tr("Highest value shown"));
    for (QComboBox *box : {m_map, m_range})
        box->setSizeAdjustPolicy(QComboBox::AdjustToContents);
    toolbar.addPair(tr("Colours"), m_map);
    toolbar.addWidget(m_log);
    m_rangePair = toolbar.addPair(tr("Range"), m_range);
    for (QWidget *widget : std::initializer_list<QWidget *>{m_percentile, m_lo, m_hi})
        toolbar.addWidget(widget);
    fillMaps();
    updateVisibility();

    connect(m_map, &QComboBox::currentIndexChanged, this, [this] {
        state(m_kind).map = m_map->currentData().toString();
        emit changed();
    });
    connect(m_range, &QComboBox::currentIndexChanged, this, [this] {
        updateVisibility();
        emit changed();
    });
    connect(m_log, &QCheckBox::toggled, this, [this](bool on) {
        state(m_kind).logarithmic = on;
        emit changed();
    });
    connect(m_percentile, &QDoubleSpinBox::valueChanged, this, &ColorControls::changed);
    connect(m_lo, &QLineEdit::editingFinished, this, &ColorControls::changed);
    connect(m_hi, &QLineEdit::editingFinished, this, &ColorControls::changed);
}

void ColorControls::setKind(ValueKind kind) {
    if (kind == m_kind)
        return;
    m_kind = kind;
    fillMaps();
    updateVisibility();
}

void ColorControls::setLogarithmic(ValueKind kind, bool on) {
    state(kind).logarithmic = on;
    if (kind == m_kind)
        m_log->setChecked(on);
}

void ColorControls::setRangeOffered(bool offered) {
    m_rangeOffered = offered;
    updateVisibility();
}

void ColorControls::fillMaps() {
    const QSignalBlocker blocker(m_map), logBlocker(m_log);
    m_map->clear();
    // A diverging map says "zero is here", which would be a lie for magnitudes.
    for (const auto kind : {ColorMap::Kind::Diverging, ColorMap::Kind::Sequential})
        for (const ColorMap &map : builtinColorMaps())
            if (map.kind == kind && (m_kind == ValueKind::Signed || kind == ColorMap::Kind::Sequential))
                m_map->addItem(QString::fromStdString(map.name), QString::fromStdString(map.id));
    m_map->setCurrentIndex(std::max(0, m_map->findData(state(m_kind).map)));
    m_log->setChecked(state(m_kind).logarithmic);
}

void ColorControls::updateVisibility() {
    const bool hasRange = m_rangeOffered && m_kind != ValueKind::Codes; // codes always take all steps
    m_log->setVisible(m_kind != ValueKind::Codes);
    m_rangePair->setVisible(hasRange);
    m_percentile->setVisible(hasRange && range() == Range::Percentile);
    m_lo->setVisible(hasRange && range() == Range::Manual);
    m_hi->setVisible(hasRange && range() == Range::Manual);
}

ColorChoice::Range ColorControls::range() const {
    return m_rangeOffered ? static_cast<Range>(m_range->currentData().toInt()) : Range::Full;
}

ColorChoice ColorControls::choice() const {
    return {m_log->isChecked(), range(), m_percentile->value(), m_lo->text().toDouble(),
            m_hi->text().toDouble()};
}

const ColorMap &ColorControls::map() const {
    const ColorMap *map = findColorMap(m_map->currentData().toString().toStdString());
    return map ? *map : builtinColorMaps().front();
}

void ColorControls::showRange(const HeatMapScale &scale) {
    if (range() == Range::Manual && !m_hi->text().isEmpty())
        return;
    m_lo->setText(QString::number(scale.lowest(), 'g', 4));
    m_hi->setText(QString::number(scale.hi, 'g', 4));
}

} // namespace qs::views
