#include "views/attention/attention_controls.h"

#include "views/shared/flow_layout.h"
#include "views/shared/form_widgets.h"

#include <QCheckBox>
#include <QComboBox>
#include <QLabel>
#include <QPushButton>
#include <QSpinBox>

namespace qs::views {

namespace {

using Shown = AttentionShown;

void select(QComboBox *box, int data) {
    const int index = box->findData(data);
    box->setCurrentIndex(std::max(0, index));
}

} // namespace

AttentionControls::AttentionControls(QWidget *parent)
    : QWidget(parent), m_sample(new QSpinBox), m_setName(new QLabel), m_block(new QComboBox),
      m_head(new QComboBox), m_variant(new QComboBox), m_log(new QCheckBox(tr("Log"))),
      m_fit(new QPushButton(tr("Fit"))) {
    m_sample->setToolTip(tr("Sample of the data set that runs through the model; counted from 0"));
    m_sample->setKeyboardTracking(false);
    m_block->setToolTip(
        tr("Attention of one layer, or of all.\nAll layers, mean: token importance as in SGL"));
    m_head->setToolTip(
        tr("grid: every head as a small map\nmean: over the heads shown\nhead: one map in full"));
    for (QComboBox *box : {m_block, m_head, m_variant})
        box->setSizeAdjustPolicy(QComboBox::AdjustToContents);
    m_variant->addItem(tr("float"), static_cast<int>(AttentionVariant::Float));
    m_variant->addItem(tr("quantized"), static_cast<int>(AttentionVariant::Quantized));
    m_variant->addItem(tr("difference"), static_cast<int>(AttentionVariant::Difference));
    m_log->setChecked(true);
    m_log->setToolTip(tr("Logarithmic colours of probabilities: weak attention stays visible beside a sink"));
    m_fit->setMaximumWidth(m_fit->fontMetrics().horizontalAdvance(m_fit->text()) + 24);
    m_fit->setToolTip(tr("Show the whole map (F, or double click)\n"
                         "Wheel zooms, Ctrl+wheel keys only, Shift+wheel queries only; drag pans"));
    auto *flow = new FlowLayout(this);
    flow->addPair(tr("Sample"), m_sample);
    flow->addWidget(m_setName);
    flow->addPair(tr("Layer"), m_block);
    flow->addPair(tr("Head"), m_head);
    flow->addPair(tr("Model"), m_variant);
    flow->addWidget(m_log);
    flow->addWidget(m_fit);
    setBlocks({}, {});
    connect(m_sample, &QSpinBox::valueChanged, this, &AttentionControls::sampleChanged);
    connect(m_log, &QCheckBox::toggled, this, &AttentionControls::colorsChanged);
    connect(m_fit, &QPushButton::clicked, this, &AttentionControls::fitWanted);
    connect(m_block, &QComboBox::currentIndexChanged, this, [this] {
        fillHeads();
        updateVariants();
        emit shownChanged();
    });
    connect(m_head, &QComboBox::currentIndexChanged, this, [this] {
        updateVariants();
        emit shownChanged();
    });
    connect(m_variant, &QComboBox::currentIndexChanged, this, &AttentionControls::shownChanged);
}

void AttentionControls::setSamples(std::int64_t samples, const QString &setName) {
    const QSignalBlocker blocker(m_sample);
    const auto last = std::clamp<std::int64_t>(samples - 1, 0, std::numeric_limits<int>::max());
    m_sample->setRange(0, static_cast<int>(last));
    m_setName->setText(tr("of %1 (%2)").arg(samples).arg(setName));
}

void AttentionControls::setBlocks(const std::vector<QString> &names, const std::vector<int> &heads) {
    const Shown before = shown();
    m_heads = heads;
    const QSignalBlocker blocker(m_block);
    m_block->clear();
    m_block->addItem(tr("all"), -1);
    for (std::size_t i = 0; i < names.size(); ++i)
        m_block->addItem(names[i], static_cast<int>(i));
    setShown(before);
}

void AttentionControls::setHasQuantized(bool has) {
    m_hasQuantized = has;
    updateVariants();
}

void AttentionControls::fillHeads() {
    const QSignalBlocker blocker(m_head);
    const QVariant before = m_head->currentData();
    m_head->clear();
    m_head->addItem(tr("grid"), Shown::kGrid);
    m_head->addItem(tr("mean"), Shown::kMean);
    const int block = m_block->currentData().toInt();
    const int heads = block >= 0 && static_cast<std::size_t>(block) < m_heads.size()
                          ? m_heads[static_cast<std::size_t>(block)]
                          : 0;
    for (int head = 0; head < heads; ++head)
        m_head->addItem(tr("head %1").arg(head), head);
    select(m_head, before.isValid() ? before.toInt() : Shown::kGrid);
}

void AttentionControls::updateVariants() {
    const bool allThree = m_block->currentData().toInt() >= 0 && shown().isGrid();
    const QString noRun = m_hasQuantized ? QString() : tr("Quantize the model first (F5).");
    setEntryEnabled(m_variant, 1, noRun, tr("The model with the weights and activations of the last run"));
    setEntryEnabled(m_variant, 2, noRun, tr("Quantized minus float probability"));
    if (!m_hasQuantized)
        m_variant->setCurrentIndex(0);
    m_variant->setEnabled(!allThree);
    m_variant->setToolTip(
        allThree ? tr("The grid of one layer shows float, quantized and difference together.")
                 : tr("Which model's attention is shown; float and quantized share one colour scale"));
    m_fit->setEnabled(!shown().isGrid());
}

void AttentionControls::setShown(const AttentionShown &wanted) {
    const QSignalBlocker blockBlocker(m_block), headBlocker(m_head), variantBlocker(m_variant);
    select(m_block, wanted.block);
    fillHeads();
    select(m_head, wanted.head);
    select(m_variant, static_cast<int>(wanted.variant));
    updateVariants();
}

std::int64_t AttentionControls::sample() const {
    return m_sample->value();
}

AttentionShown AttentionControls::shown() const {
    const QVariant head = m_head->currentData(), block = m_block->currentData();
    return {block.isValid() ? block.toInt() : -1, head.isValid() ? head.toInt() : Shown::kGrid,
            static_cast<AttentionVariant>(m_variant->currentData().toInt())};
}

bool AttentionControls::isLogarithmic() const {
    return m_log->isChecked();
}

} // namespace qs::views
