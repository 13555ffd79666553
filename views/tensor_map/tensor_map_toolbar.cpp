#include "views/tensor_map/tensor_map_toolbar.h"

#include "views/shared/flow_layout.h"

#include <QComboBox>
#include <QPushButton>

namespace qs::views {

namespace {

using Shown = TensorMapRequest::Shown;

} // namespace

TensorMapToolbar::TensorMapToolbar(QWidget *parent) : QWidget(parent), m_shown(new QComboBox) {
    const struct {
        Shown shown;
        const char *title, *tip;
    } entries[] = {
        {Shown::Weight, QT_TR_NOOP("weight"), QT_TR_NOOP("every weight of the layer in float")},
        {Shown::Codes, QT_TR_NOOP("codes"), QT_TR_NOOP("the integers of the shown run")},
        {Shown::Dequantized, QT_TR_NOOP("dequantized"), QT_TR_NOOP("scale · (code − zero point)")},
        {Shown::Error, QT_TR_NOOP("error"), QT_TR_NOOP("dequantized minus float weight")},
        {Shown::WeightSurface, QT_TR_NOOP("3-D: |weight|"), QT_TR_NOOP("magnitudes of the weights as bars")},
        {Shown::ActivationSurface, QT_TR_NOOP("3-D: |activation|"),
         QT_TR_NOOP("magnitudes of the captured activation, token × channel, as bars")},
    };
    for (const auto &entry : entries) {
        m_shown->addItem(tr(entry.title), static_cast<int>(entry.shown));
        m_shown->setItemData(m_shown->count() - 1, tr(entry.tip), Qt::ToolTipRole);
    }
    m_shown->setSizeAdjustPolicy(QComboBox::AdjustToContents);
    auto *fit = new QPushButton(tr("Fit"));
    fit->setMaximumWidth(fit->fontMetrics().horizontalAdvance(fit->text()) + 24);
    fit->setToolTip(tr("Show everything (F, or double click)\n"
                       "Map: wheel zooms, Ctrl+wheel columns only, Shift+wheel rows only; drag pans\n"
                       "3-D: drag or arrow keys orbit, wheel zooms"));
    auto *flow = new FlowLayout(this);
    flow->addPair(tr("Show"), m_shown);
    m_colors = new ColorControls(*flow, ValueKind::Signed, this);
    m_colors->setLogarithmic(ValueKind::Magnitude, false); // heights are read as lengths
    flow->addWidget(fit);
    updateColors();
    connect(m_shown, &QComboBox::currentIndexChanged, this, [this] {
        updateColors();
        emit shownChanged();
    });
    connect(fit, &QPushButton::clicked, this, &TensorMapToolbar::fitWanted);
}

void TensorMapToolbar::updateColors() {
    TensorMapRequest request;
    request.shown = shown();
    m_colors->setKind(request.valueKind());
    m_colors->setRangeOffered(!request.isSurface()); // a bar that is cut would hide an outlier
    m_shown->setToolTip(m_shown->currentData(Qt::ToolTipRole).toString());
}

TensorMapRequest::Shown TensorMapToolbar::shown() const {
    return static_cast<Shown>(m_shown->currentData().toInt());
}

void TensorMapToolbar::setShown(Shown shown) {
    m_shown->setCurrentIndex(m_shown->findData(static_cast<int>(shown)));
}

} // namespace qs::views
