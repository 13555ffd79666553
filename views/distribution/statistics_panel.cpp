#include "views/distribution/statistics_panel.h"

#include "views/shared/flow_layout.h"
#include "views/shared/format_text.h"

#include <QLabel>
#include <cmath>

namespace qs::views {

namespace {

/// Of a value that comes from histogram bins: the interval that it certainly lies in.
QString between(const QString &value, const QString &lo, const QString &hi) {
    return StatisticsPanel::tr("≈ %1 (%2 to %3)").arg(value, lo, hi);
}

/// The mean squared error when its root is off by `shift`.
double shiftedMse(const DistributionData &data, double shift) {
    const double root = std::max(0.0, std::sqrt(data.error->mse()) + shift);
    return root * root;
}

QString mseText(const DistributionData &data) {
    const QString text = formatNumber(data.error->mse());
    if (!data.rootErrorBound)
        return text;
    return between(text, formatNumber(shiftedMse(data, -*data.rootErrorBound), 3),
                   formatNumber(shiftedMse(data, *data.rootErrorBound), 3));
}

QString sqnrText(const DistributionData &data) {
    if (!data.rootErrorBound)
        return formatDb(data.error->sqnrDb());
    // The power of the signal is known from the moments.
    const double power = data.stats.rms() * data.stats.rms();
    const auto text = [&](double shift) {
        const double mse = shiftedMse(data, shift);
        return formatDb(mse > 0 ? 10 * std::log10(power / mse) : ErrorMetrics::kMaxSqnrDb);
    };
    return between(text(0), text(*data.rootErrorBound), text(-*data.rootErrorBound));
}

QString clippedText(const DistributionData &data) {
    const double share = *data.clippedShare, bound = data.clippedBound.value_or(0);
    if (!data.errorIsApproximate || bound == 0)
        return formatShare(share);
    return between(formatShare(share), formatShare(std::max(0.0, share - bound)),
                   formatShare(std::min(1.0, share + bound)));
}

} // namespace

StatisticsPanel::StatisticsPanel(QWidget *parent) : QWidget(parent) {
    const struct {
        const char *caption, *tip;
    } texts[ItemCount] = {
        {QT_TR_NOOP("count"), QT_TR_NOOP("finite float values")},
        {QT_TR_NOOP("min"), QT_TR_NOOP("smallest float value")},
        {QT_TR_NOOP("max"), QT_TR_NOOP("largest float value")},
        {QT_TR_NOOP("mean"), QT_TR_NOOP("Σ x / n")},
        {QT_TR_NOOP("std"), QT_TR_NOOP("standard deviation √(Σ (x − mean)² / n)")},
        {QT_TR_NOOP("kurtosis"),
         QT_TR_NOOP("n Σ (x − mean)⁴ / (Σ (x − mean)²)²: 3 for a normal distribution, large with outliers")},
        {QT_TR_NOOP("zeros"), QT_TR_NOOP("share of values that are exactly 0")},
        {QT_TR_NOOP("outside"), QT_TR_NOOP("float values left of and right of the range that is binned")},
        {QT_TR_NOOP("SQNR"), QT_TR_NOOP("10 log₁₀(Σ x² / Σ (x̂ − x)²) of float x and quantized x̂")},
        {QT_TR_NOOP("MSE"), QT_TR_NOOP("Σ (x̂ − x)² / n")},
        {QT_TR_NOOP("clipped"),
         QT_TR_NOOP("share of float values beyond the ends of the grid by more than half a step")},
    };
    auto *flow = new FlowLayout(this, 14);
    for (int i = 0; i < ItemCount; ++i) {
        m_values[i] = new QLabel;
        m_values[i]->setTextInteractionFlags(Qt::TextSelectableByMouse);
        QFont bold = m_values[i]->font();
        bold.setBold(true);
        m_values[i]->setFont(bold);
        QWidget *pair = flow->addPair(tr(texts[i].caption), m_values[i]);
        pair->setToolTip(tr(texts[i].tip));
    }
    QSizePolicy policy(QSizePolicy::Ignored, QSizePolicy::Minimum);
    policy.setHeightForWidth(true);
    setSizePolicy(policy);
}

void StatisticsPanel::setItem(Item item, const QString &text) {
    m_values[item]->setText(text);
    m_values[item]->parentWidget()->setVisible(!text.isEmpty());
}

void StatisticsPanel::setData(const DistributionData &data) {
    const TensorStats &stats = data.stats;
    setItem(Count, formatCount(stats.count));
    setItem(Minimum, formatNumber(stats.min));
    setItem(Maximum, formatNumber(stats.max));
    setItem(Mean, formatNumber(stats.mean));
    setItem(Deviation, formatNumber(stats.standardDeviation()));
    setItem(Kurtosis, formatNumber(stats.kurtosis()));
    setItem(Zeros, formatShare(static_cast<double>(stats.zeroCount) /
                               static_cast<double>(std::max<std::int64_t>(1, stats.count))));
    const auto below = std::llround(data.values.below), above = std::llround(data.values.above);
    setItem(Outside, below + above > 0 ? tr("%1 left, %2 right").arg(formatCount(below), formatCount(above))
                                       : QString());
    setItem(Sqnr, data.error ? sqnrText(data) : QString());
    setItem(Mse, data.error ? mseText(data) : QString());
    setItem(Clipped, data.clippedShare ? clippedText(data) : QString());
}

} // namespace qs::views
