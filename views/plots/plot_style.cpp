#include "views/plots/plot_style.h"

#include "core/figure/series_colors.h"
#include "views/shared/color_maps.h"

#include <QGuiApplication>
#include <algorithm>
#include <cmath>
#include <qcustomplot.h>

namespace qs::views {
namespace {

constexpr int kMostLegendColumns = 4;

} // namespace

PlotTheme PlotTheme::ofApplication() {
    const QPalette palette = QGuiApplication::palette();
    PlotTheme theme;
    theme.isDark = isDarkTheme();
    theme.background = palette.color(QPalette::Base);
    theme.text = palette.color(QPalette::Text);
    theme.weakText = theme.isDark ? QColor(165, 165, 165) : QColor(95, 95, 95);
    theme.grid = theme.isDark ? QColor(255, 255, 255, 34) : QColor(0, 0, 0, 30);
    theme.accent = palette.color(QPalette::Highlight);
    return theme;
}

PlotTheme PlotTheme::ofPaper() {
    return {Qt::white, Qt::black, QColor(80, 80, 80), QColor(0, 0, 0, 30), QColor(30, 100, 200), false};
}

QColor PlotTheme::series(int index) const {
    return toQColor(seriesColor(index, isDark));
}

QColor PlotTheme::ordered(int index, int count) const {
    // The ends of the map that vanish in the background are left out.
    const double lowest = isDark ? 0.35 : 0.05, highest = isDark ? 1.0 : 0.72;
    const double t = count > 1 ? static_cast<double>(index) / (count - 1) : 0.5;
    return toQColor(findColorMap("sequential")->at(std::lerp(lowest, highest, t)));
}

void applyTheme(QCustomPlot &plot, const PlotTheme &theme) {
    plot.setBackground(theme.background);
    for (QCPAxisRect *rect : plot.axisRects())
        for (QCPAxis *axis : rect->axes()) {
            axis->setBasePen(QPen(theme.weakText));
            axis->setTickPen(QPen(theme.weakText));
            axis->setSubTickPen(QPen(theme.weakText));
            axis->setTickLabelColor(theme.text);
            axis->setLabelColor(theme.text);
            axis->setTickLabelFont(plot.font());
            axis->setLabelFont(plot.font());
            axis->grid()->setPen(QPen(theme.grid));
            axis->grid()->setZeroLinePen(QPen(theme.grid));
        }
    if (plot.legend) {
        QColor background = theme.background;
        background.setAlpha(215);
        plot.legend->setBrush(background);
        plot.legend->setBorderPen(Qt::NoPen);
        plot.legend->setTextColor(theme.text);
        plot.legend->setFont(plot.font());
    }
}

namespace {

/// 1, 2, 5, 10, … over two decades and less, where QCPAxisTickerLog falls back to even steps as 2.5, 5, 7.5.
class FewDecadesTicker : public QCPAxisTickerLog {
protected:
    QVector<double> createTickVector(double tickStep, const QCPRange &range) override {
        m_hasFew = range.lower > 0 && range.upper <= 100 * range.lower;
        QVector<double> ticks;
        if (m_hasFew)
            for (double decade = std::pow(10, std::floor(std::log10(range.lower))); decade <= range.upper;
                 decade *= 10)
                for (const int step : {1, 2, 5})
                    ticks << step * decade;
        const auto isInside = [&range](double tick) { return range.contains(tick); };
        m_hasFew = std::count_if(ticks.begin(), ticks.end(), isInside) >= 2;
        return m_hasFew ? ticks : QCPAxisTickerLog::createTickVector(tickStep, range);
    }
    int getSubTickCount(double tickStep) override {
        return m_hasFew ? 0 : QCPAxisTickerLog::getSubTickCount(tickStep);
    }

private:
    bool m_hasFew = false;
};

} // namespace

void setLogarithmic(QCPAxis &axis, bool logarithmic) {
    axis.setScaleType(logarithmic ? QCPAxis::stLogarithmic : QCPAxis::stLinear);
    axis.setTicker(logarithmic ? QSharedPointer<QCPAxisTicker>(new FewDecadesTicker)
                               : QSharedPointer<QCPAxisTicker>::create());
    const auto format = [&axis](const QCPRange &range) {
        constexpr double kFewDecades = 1e3;
        const bool powers =
            axis.scaleType() == QCPAxis::stLogarithmic && range.upper > kFewDecades * range.lower;
        axis.setNumberFormat(powers ? "eb" : "gb");
        axis.setNumberPrecision(powers ? 0 : 6);
    };
    constexpr const char *kFollows = "qs_ticks_follow_range";
    if (!axis.property(kFollows).toBool())
        QObject::connect(&axis, qOverload<const QCPRange &>(&QCPAxis::rangeChanged), &axis, format);
    axis.setProperty(kFollows, true);
    format(axis.range());
}

void wrapLegend(QCustomPlot &plot, int width) {
    QCPLegend *legend = plot.legend;
    if (!legend || !legend->visible() || legend->fillOrder() != QCPLegend::foColumnsFirst)
        return;
    for (int columns = kMostLegendColumns; columns > 0; --columns) {
        legend->setWrap(columns);
        legend->setFillOrder(QCPLegend::foColumnsFirst, true); // arranges anew
        if (legend->minimumOuterSizeHint().width() <= width)
            return;
    }
}

void placeLegendAbove(QCustomPlot &plot) {
    QCPLayoutGrid *rows = plot.plotLayout();
    rows->insertRow(0);
    rows->addElement(0, 0, plot.legend);
    rows->setRowStretchFactor(0, 0.001);
    rows->setRowSpacing(0);
    plot.legend->setFillOrder(QCPLegend::foColumnsFirst);
    plot.legend->setWrap(kMostLegendColumns);
    plot.legend->setMargins({4, 2, 4, 2});
    plot.legend->setVisible(true);
}

} // namespace qs::views
