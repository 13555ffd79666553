#include "views/roofline/roofline_options.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QFormLayout>
#include <QMenu>
#include <QWidgetAction>

namespace qs::views {

RooflineOptions::RooflineOptions(QWidget *parent) : QToolButton(parent), m_group(new QComboBox) {
    setText(tr("Options"));
    setToolTip(tr("How operators are counted and how well the device is used"));
    setPopupMode(QToolButton::InstantPopup);
    setFocusPolicy(Qt::StrongFocus);
    auto *panel = new QWidget;
    auto *form = new QFormLayout(panel);
    for (const int size : {32, 64, 128, 256})
        m_group->addItem(tr("%1 weights").arg(size), size);
    m_group->addItem(tr("a row"), 0);
    m_group->setCurrentIndex(2);
    m_group->setToolTip(tr("What-if weights that share a 16 bit scale: stored bits = bits + 16 / group"));
    form->addRow(tr("&Group"), m_group);
    m_fused =
        addCheck(form, tr("&Fused attention"),
                 tr("Scores stay on the chip; K and V are read once per block of queries that fits there"));
    m_lastLogits = addCheck(form, tr("Logits of the &last token only"),
                            tr("In prefill a server needs no other; the model as written computes all"));
    QString defects;
    for (const std::string &defect : llmViewerDefects())
        defects += "\n• " + QString::fromStdString(defect);
    m_compatible =
        addCheck(form, tr("&Compatible with LLM-Viewer"),
                 tr("Reproduces the numbers of LLM-Viewer with its known defects; off, they are corrected:") +
                     defects);
    m_compute = addShare(form, tr("C&ompute efficiency"),
                         tr("Share of the peak rate that kernels reach; often 0.6 to 0.8"), 1);
    m_bandwidth = addShare(form, tr("&Bandwidth efficiency"),
                           tr("Share of the bandwidth that is reached; often 0.8 to 0.9"), 1);
    m_memory = addShare(form, tr("&Usable memory"),
                        tr("Share of the capacity; the rest is reserve and fragmentation"), 0.9);
    m_overhead = new QDoubleSpinBox;
    m_overhead->setRange(0, 1000);
    m_overhead->setDecimals(1);
    m_overhead->setSuffix(tr(" µs"));
    m_overhead->setToolTip(tr("Launch of one operator; 3 to 5 µs are typical of GPUs"));
    form->addRow(tr("&Launch"), m_overhead);
    auto *menu = new QMenu(this);
    auto *action = new QWidgetAction(menu);
    action->setDefaultWidget(panel);
    menu->addAction(action);
    setMenu(menu);
    connect(m_group, &QComboBox::currentIndexChanged, this, &RooflineOptions::changed);
    connect(m_overhead, &QDoubleSpinBox::valueChanged, this, &RooflineOptions::changed);
}

QDoubleSpinBox *RooflineOptions::addShare(QFormLayout *form, const QString &caption, const QString &toolTip,
                                          double value) {
    auto *box = new QDoubleSpinBox;
    box->setRange(0.05, 1);
    box->setSingleStep(0.05);
    box->setValue(value);
    box->setToolTip(toolTip);
    form->addRow(caption, box);
    connect(box, &QDoubleSpinBox::valueChanged, this, &RooflineOptions::changed);
    return box;
}

QCheckBox *RooflineOptions::addCheck(QFormLayout *form, const QString &text, const QString &toolTip) {
    auto *box = new QCheckBox(text);
    box->setToolTip(toolTip);
    form->addRow(box);
    connect(box, &QCheckBox::toggled, this, &RooflineOptions::changed);
    return box;
}

void RooflineOptions::apply(StudyRequest &request) const {
    request.base.fusedAttention = m_fused->isEnabled() && m_fused->isChecked();
    request.base.lastLogitsOnly = m_lastLogits->isEnabled() && m_lastLogits->isChecked();
    request.base.compatible = isCompatible();
    request.use = {m_compute->value(), m_bandwidth->value(), m_overhead->value() * 1e-6, m_memory->value()};
}

std::int64_t RooflineOptions::groupSize() const {
    return m_group->currentData().toLongLong();
}

bool RooflineOptions::isCompatible() const {
    return m_compatible->isEnabled() && m_compatible->isChecked();
}

void RooflineOptions::setSource(bool isDecoder) {
    for (QCheckBox *box : {m_fused, m_lastLogits, m_compatible}) {
        if (!box->property("tip").isValid())
            box->setProperty("tip", box->toolTip());
        box->setEnabled(isDecoder);
        box->setToolTip(isDecoder ? box->property("tip").toString()
                                  : tr("For the config.json of a language model only: open one above."));
    }
}

} // namespace qs::views
