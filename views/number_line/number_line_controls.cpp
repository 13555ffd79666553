#include "views/number_line/number_line_controls.h"

#include "views/shared/flow_layout.h"
#include "views/shared/form_widgets.h"

#include <QAbstractItemView>
#include <QCheckBox>
#include <QLabel>
#include <QPushButton>
#include <QSignalBlocker>
#include <QSpinBox>
#include <QToolButton>
#include <QVBoxLayout>
#include <limits>

namespace qs::views {

namespace {

using Of = ValueSource::Of;
using Kind = ClipChoice::Kind;

/// What the part box offers: granularity, and whether all slices are shown normalised.
struct Part {
    const char *name, *tip;
    Granularity granularity;
    bool normalized;
};
constexpr Part kParts[] = {
    {QT_TRANSLATE_NOOP("NumberLine", "whole tensor"),
     QT_TRANSLATE_NOOP("NumberLine", "one scale for all weights"), Granularity::PerTensor, false},
    {QT_TRANSLATE_NOOP("NumberLine", "one channel"),
     QT_TRANSLATE_NOOP("NumberLine", "the weights of one output channel: what shares a scale per channel"),
     Granularity::PerChannel, false},
    {QT_TRANSLATE_NOOP("NumberLine", "one group"),
     QT_TRANSLATE_NOOP("NumberLine",
                       "consecutive inputs of one output channel: what shares a scale per group"),
     Granularity::PerGroup, false},
    {QT_TRANSLATE_NOOP("NumberLine", "all channels, normalised"),
     QT_TRANSLATE_NOOP("NumberLine", "every output channel divided by its largest magnitude"),
     Granularity::PerChannel, true},
    {QT_TRANSLATE_NOOP("NumberLine", "all groups, normalised"),
     QT_TRANSLATE_NOOP("NumberLine", "every group divided by its largest magnitude"), Granularity::PerGroup,
     true}};

QString translated(const char *text) {
    return QCoreApplication::translate("NumberLine", text);
}

QSpinBox *spinBox(int least, int most, const QString &toolTip) {
    auto *box = new QSpinBox;
    box->setRange(least, most);
    box->setKeyboardTracking(false);
    box->setToolTip(toolTip);
    return box;
}

NumberBox *valueBox(const QString &toolTip) {
    auto *box = new NumberBox;
    box->setRange(-std::numeric_limits<float>::max(), std::numeric_limits<float>::max());
    box->setToolTip(toolTip);
    return box;
}

ClipChoice choiceOf(RangeRule::Kind rule) {
    ClipChoice choice;
    choice.rule.kind = rule;
    return choice;
}

} // namespace

NumberLineControls::NumberLineControls(QWidget *parent)
    : QWidget(parent), m_of(new QComboBox), m_part(new QComboBox), m_formats(new QComboBox),
      m_choices(new QComboBox),
      m_channel(spinBox(0, 0, tr("Output channel of the weight (row of the matrix)"))),
      m_group(spinBox(0, 0, tr("Group of that channel"))),
      m_groupSize(spinBox(1, 1 << 20, tr("Inputs per group"))), m_logCounts(new QCheckBox(tr("Log counts"))),
      m_logErrors(new QCheckBox(tr("Log errors"))), m_together(new QCheckBox(tr("All formats"))),
      m_lo(valueBox(tr("Lower end of the clip range, in value units"))),
      m_hi(valueBox(tr("Upper end of the clip range, in value units"))), m_add(new QToolButton),
      m_remove(new QToolButton), m_apply(new QPushButton(tr("Put into recipe"))) {
    auto *layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(makeSourceRow());
    layout->addWidget(makeFormatRow());
    m_groupSize->setValue(64);
    connectFields();
    updateVisibility();
}

QWidget *NumberLineControls::makeSourceRow() {
    m_of->addItem(tr("Weight"), static_cast<int>(Of::Weight));
    m_of->addItem(tr("Input activation"), static_cast<int>(Of::Activation));
    for (const Part &part : kParts) {
        m_part->addItem(translated(part.name));
        m_part->setItemData(m_part->count() - 1, translated(part.tip), Qt::ToolTipRole);
    }
    m_part->setToolTip(tr("Which weights are on the line: usually those that share one scale"));
    m_logCounts->setChecked(true);
    m_logErrors->setChecked(true);
    m_logErrors->setToolTip(tr("Six decades of the squared error per bin, from the worst down"));
    auto *row = new QWidget;
    auto *flow = new FlowLayout(row);
    flow->addPair(tr("Values"), m_of);
    m_partPair = flow->addPair(tr("Of"), m_part);
    m_channelPair = flow->addPair(tr("Channel"), m_channel);
    m_groupPair = flow->addPair(tr("Group"), m_group);
    m_groupSizePair = flow->addPair(tr("Group size"), m_groupSize);
    flow->addWidget(m_logCounts);
    flow->addWidget(m_logErrors);
    flow->addWidget(m_apply);
    return row;
}

QWidget *NumberLineControls::makeFormatRow() {
    fillFormats();
    fillChoices();
    m_add->setText(tr("Add"));
    m_add->setToolTip(tr("Adds the chosen format as a row"));
    m_add->setAccessibleName(tr("Add format"));
    m_remove->setText(tr("Remove"));
    m_remove->setToolTip(tr("Removes the current row (Delete in the table)"));
    m_remove->setAccessibleName(tr("Remove format"));
    m_together->setChecked(true);
    m_together->setToolTip(tr("A clip range or rule goes to all formats, not to the current row alone"));
    auto *row = new QWidget;
    auto *flow = new FlowLayout(row);
    flow->addPair(tr("Format"), m_formats);
    flow->addWidget(m_add);
    flow->addWidget(m_remove);
    flow->addPair(tr("Range by"), m_choices);
    flow->addPair(tr("From"), m_lo);
    flow->addPair(tr("To"), m_hi);
    flow->addWidget(m_together);
    return row;
}

void NumberLineControls::fillFormats() {
    for (const NumberFormat &format : builtinFormats()) {
        m_formats->addItem(
            QString::fromStdString(format.title + (format.experimental ? " (experimental)" : "")),
            QString::fromStdString(format.id));
        m_formats->setItemData(
            m_formats->count() - 1,
            tr("%1 points. Source: %2").arg(format.points.size()).arg(QString::fromStdString(format.source)),
            Qt::ToolTipRole);
    }
    m_formats->setMaxVisibleItems(20);
    m_formats->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    m_formats->setMinimumContentsLength(18);
    m_formats->view()->setMinimumWidth(300);
    m_formats->setCurrentIndex(m_formats->findData(QStringLiteral("int4-asymmetric")));
}

void NumberLineControls::fillChoices() {
    const struct {
        QString name, tip;
    } entries[] = {
        {tr("min-max"), tr("all values: nothing is clipped")},
        {tr("percentile 99.99"), tr("the range rule percentile of recipes")},
        {tr("mse"), tr("the range rule mse of recipes: searches on integer grids, |error|^2.4")},
        {tr("kl"), tr("the range rule kl of recipes: integer grids")},
        {tr("best MSE"), tr("the clip range with the least squared error, for every format its own")},
        {tr("fixed"), tr("as dragged or typed")}};
    for (const auto &entry : entries) {
        m_choices->addItem(entry.name);
        m_choices->setItemData(m_choices->count() - 1, entry.tip, Qt::ToolTipRole);
    }
    setEntryEnabled(m_choices, 5, tr("drag an end of the range, or type its value"), {});
}

void NumberLineControls::connectFields() {
    connect(m_of, &QComboBox::activated, this, [this] {
        updateVisibility();
        emit sourceEdited();
    });
    connect(m_part, &QComboBox::activated, this, [this] {
        updateVisibility();
        emit sourceEdited();
    });
    for (QSpinBox *box : {m_channel, m_group, m_groupSize})
        connect(box, &QSpinBox::valueChanged, this, &NumberLineControls::sourceEdited);
    connect(m_add, &QToolButton::clicked, this, [this] {
        if (const auto format = findFormat(m_formats->currentData().toString().toStdString()))
            emit formatAdded(*format);
    });
    connect(m_remove, &QToolButton::clicked, this, &NumberLineControls::removeWished);
    connect(m_choices, &QComboBox::activated, this, [this](int index) {
        const RangeRule::Kind rules[] = {RangeRule::Kind::MinMax, RangeRule::Kind::Percentile,
                                         RangeRule::Kind::Mse, RangeRule::Kind::Kl};
        if (index < 4)
            emit choiceWished(choiceOf(rules[index]));
        else if (index == 4)
            emit choiceWished({Kind::Best, {}, {}});
    });
    for (NumberBox *box : {m_lo, m_hi})
        connect(box, &QDoubleSpinBox::valueChanged, this, &NumberLineControls::tellClip);
    connect(m_apply, &QPushButton::clicked, this, &NumberLineControls::applyWished);
    connect(m_logCounts, &QCheckBox::toggled, this, &NumberLineControls::logCountsToggled);
    connect(m_logErrors, &QCheckBox::toggled, this, &NumberLineControls::logErrorsToggled);
}

void NumberLineControls::tellClip() {
    // The field that was edited decides; the other one gives way.
    double lo = m_lo->value(), hi = m_hi->value();
    if (m_symmetric)
        lo = -(hi = std::abs(sender() == m_lo ? lo : hi));
    else if (lo > hi)
        (sender() == m_lo ? hi : lo) = sender() == m_lo ? lo : hi;
    emit clipEdited(lo, hi);
}

ValueSource NumberLineControls::source() const {
    ValueSource source;
    source.of = static_cast<Of>(m_of->currentData().toInt());
    if (source.of == Of::Activation)
        return source;
    const Part &part = kParts[m_part->currentIndex()];
    source.granularity = part.granularity;
    source.normalized = part.normalized;
    if (part.granularity != Granularity::PerTensor && !part.normalized)
        source.channel = m_channel->value();
    if (part.granularity == Granularity::PerGroup) {
        source.groupSize = m_groupSize->value();
        source.group = part.normalized ? 0 : m_group->value();
    }
    return source;
}

void NumberLineControls::setSource(const ValueSource &source) {
    const QSignalBlocker channel(m_channel), group(m_group), size(m_groupSize);
    m_of->setCurrentIndex(m_of->findData(static_cast<int>(source.of)));
    for (int i = 0; i < m_part->count(); ++i)
        if (kParts[i].granularity == source.granularity && kParts[i].normalized == source.normalized)
            m_part->setCurrentIndex(i);
    m_channel->setValue(static_cast<int>(source.channel));
    m_groupSize->setValue(static_cast<int>(source.groupSize));
    m_group->setValue(static_cast<int>(source.group));
    updateVisibility();
}

void NumberLineControls::setLayer(const Layer *layer) {
    if (layer == nullptr)
        return;
    const QSignalBlocker channel(m_channel), group(m_group);
    const std::int64_t size = m_groupSize->value();
    m_channel->setMaximum(static_cast<int>(layer->outChannels - 1));
    m_group->setMaximum(static_cast<int>((layer->inPerOut + size - 1) / size - 1));
}

void NumberLineControls::updateVisibility() {
    const bool weight = static_cast<Of>(m_of->currentData().toInt()) == Of::Weight;
    const Part &part = kParts[m_part->currentIndex()];
    m_partPair->setVisible(weight);
    m_channelPair->setVisible(weight && part.granularity != Granularity::PerTensor && !part.normalized);
    m_groupPair->setVisible(weight && part.granularity == Granularity::PerGroup && !part.normalized);
    m_groupSizePair->setVisible(weight && part.granularity == Granularity::PerGroup);
}

void NumberLineControls::setRow(const NumberLineRow *row, bool removable) {
    m_remove->setEnabled(removable);
    for (QWidget *field : std::initializer_list<QWidget *>{m_choices, m_lo, m_hi})
        field->setEnabled(row != nullptr && row->choice.kind != Kind::Own);
    if (row == nullptr)
        return;
    const QSignalBlocker choices(m_choices), lo(m_lo), hi(m_hi);
    m_symmetric = row->format->hasSymmetricRange();
    const bool isRule = row->choice.kind == Kind::Rule;
    m_choices->setCurrentIndex(isRule                           ? static_cast<int>(row->choice.rule.kind)
                               : row->choice.kind == Kind::Best ? 4
                                                                : 5);
    // Fields that the user types in keep their text.
    if (!m_lo->hasFocus() || m_lo->value() != row->clip.lo)
        m_lo->setValue(row->clip.lo);
    if (!m_hi->hasFocus() || m_hi->value() != row->clip.hi)
        m_hi->setValue(row->clip.hi);
    const QString noGrid = tr("it searches on integer grids, and this format is none");
    for (const int entry : {2, 3})
        setEntryEnabled(m_choices, entry,
                        row->format->isInteger() || m_together->isChecked() ? QString() : noGrid,
                        tr("a range rule of recipes, for integer formats"));
}

void NumberLineControls::setApply(const QString &whyNot) {
    m_apply->setEnabled(whyNot.isEmpty());
    m_apply->setToolTip(whyNot.isEmpty()
                            ? tr("Quantizes the selected layers with this format, granularity and range rule "
                                 "(undo with Ctrl+Z)")
                            : tr("Not possible: %1").arg(whyNot));
}

bool NumberLineControls::allTogether() const {
    return m_together->isChecked();
}

} // namespace qs::views
