#include "views/number_line/format_row_plot.h"

#include "views/number_line/format_table_model.h"
#include "views/shared/format_text.h"

#include <qcustomplot.h>

namespace qs::views {

namespace {

constexpr int kLeastHeight = 46;
constexpr double kErrorShare = 0.5; ///< of the height, from below; above it ticks, then the title
constexpr double kTickPlace = 0.6;
constexpr double kDecades = 6; ///< of errors that are shown, from the worst down

QCPItemRect *clippedRect(QCustomPlot &plot, QCPAxisRect &rect) {
    auto *item = new QCPItemRect(&plot);
    item->setLayer("background");
    item->setClipAxisRect(&rect);
    for (QCPItemPosition *position : {item->topLeft, item->bottomRight}) {
        position->setTypeX(QCPItemPosition::ptPlotCoords);
        position->setTypeY(QCPItemPosition::ptAxisRectRatio);
        position->setAxes(rect.axis(QCPAxis::atBottom), rect.axis(QCPAxis::atLeft));
        position->setAxisRect(&rect);
    }
    return item;
}

QPainterPath tick() {
    QPainterPath path;
    path.moveTo(0, -5);
    path.lineTo(0, 5);
    return path;
}

QString titleText(const NumberLineTable &table, std::size_t index) {
    const NumberLineRow &row = table.rows[index];
    const QString about = table.values->sorted.isExact() ? QString() : QStringLiteral("≈ ");
    const bool isBest = static_cast<int>(index) == table.best,
               isCurrent = static_cast<int>(index) == table.current;
    return QObject::tr("%1%2%3 · %4%5 · clips %6")
        .arg(isCurrent ? QStringLiteral("▸ ") : QString(), isBest ? QStringLiteral("★ ") : QString(),
             rowTitle(row), about, formatDb(row.error.sqnrDb()), formatShare(row.error.clippedShare()));
}

} // namespace

FormatRowPlot::FormatRowPlot(QCustomPlot &plot, QCPMarginGroup &margins)
    : m_plot(plot), m_rect(new QCPAxisRect(&plot)) {
    plot.plotLayout()->addElement(plot.plotLayout()->rowCount(), 0, m_rect);
    m_rect->setMarginGroup(QCP::msLeft | QCP::msRight, &margins);
    m_rect->setMinimumSize(50, kLeastHeight);
    m_rect->setRangeDrag(Qt::Horizontal);
    m_rect->setRangeZoom(Qt::Horizontal);
    m_rect->setRangeZoomFactor(plot.axisRect()->rangeZoomFactor(Qt::Horizontal));
    m_rect->setMinimumMargins({0, 2, 0, 2});
    QCPAxis *x = m_rect->axis(QCPAxis::atBottom), *y = m_rect->axis(QCPAxis::atLeft),
            *ticks = m_rect->axis(QCPAxis::atRight);
    for (QCPAxis *axis : m_rect->axes()) {
        axis->setLayer("axes");
        axis->grid()->setLayer("grid");
    }
    ticks->setRange(0, 1);
    y->setLabel(QObject::tr("Σ error²"));
    m_clippedLow = clippedRect(plot, *m_rect);
    m_clippedHigh = clippedRect(plot, *m_rect);
    m_errors = plot.addGraph(x, y);
    m_errors->setLineStyle(QCPGraph::lsStepLeft);
    m_errors->setAntialiasedFill(false); // steps need none, and a drag repaints them all
    m_points = plot.addGraph(x, ticks);
    m_points->setLineStyle(QCPGraph::lsNone);
    m_points->setAdaptiveSampling(false);
    m_handles = std::make_unique<ClipHandles>(plot, *m_rect, false);
    m_title = new QCPItemText(&plot);
    m_title->setClipAxisRect(m_rect);
    m_title->setSelectable(false);
    m_title->position->setType(QCPItemPosition::ptAxisRectRatio);
    m_title->position->setAxisRect(m_rect);
    m_title->position->setCoords(0.004, 0.01);
    m_title->setPositionAlignment(Qt::AlignLeft | Qt::AlignTop);
    m_title->setPadding({3, 0, 3, 0});
}

FormatRowPlot::~FormatRowPlot() {
    m_handles.reset();
    for (QCPAbstractItem *item :
         std::initializer_list<QCPAbstractItem *>{m_clippedLow, m_clippedHigh, m_title})
        m_plot.removeItem(item);
    m_plot.removeGraph(m_errors);
    m_plot.removeGraph(m_points);
    m_plot.plotLayout()->remove(m_rect);
    m_plot.plotLayout()->simplify();
}

void FormatRowPlot::setRow(const NumberLineTable &table, std::size_t index) {
    const NumberLineRow &row = table.rows[index];
    const bool isCurrent = static_cast<int>(index) == table.current;
    QVector<double> points, places;
    for (const float value : row.points.values) {
        points.push_back(static_cast<double>(value));
        places.push_back(kTickPlace);
    }
    m_points->setData(points, places, true);
    m_points->setName(QObject::tr("code points of %1").arg(rowTitle(row))); // of exported data
    m_errors->setName(QObject::tr("squared error of %1").arg(rowTitle(row)));
    constexpr double kFar = 1e3; // reaches over all that can be zoomed out to
    const double width = row.points.values.back() - row.points.values.front();
    const double kept = row.points.firstKept, lost = row.points.firstLost;
    m_clippedLow->topLeft->setCoords(kept - kFar * width, -0.1);
    m_clippedLow->bottomRight->setCoords(kept, 1.1);
    m_clippedHigh->topLeft->setCoords(lost, -0.1);
    m_clippedHigh->bottomRight->setCoords(lost + kFar * width, 1.1);
    m_handles->setRange(row.clip, isCurrent);
    if (row.choice.kind == ClipChoice::Kind::Own) // a fact, not a choice
        m_handles->setVisible(false);
    m_title->setText(titleText(table, index));
    QFont font = m_plot.font();
    font.setBold(isCurrent);
    m_title->setFont(font);
}

void FormatRowPlot::setErrors(const BinnedError &errors) {
    QVector<double> keys, heights;
    for (std::size_t bin = 0; bin < errors.errors.size(); ++bin) {
        keys.push_back(errors.left(bin));
        heights.push_back(errors.errors[bin]);
    }
    keys.push_back(errors.hi());
    heights.push_back(0);
    m_errors->setData(keys, heights, true);
}

void FormatRowPlot::setErrorScale(double worst, bool logarithmic) {
    QCPAxis *axis = m_rect->axis(QCPAxis::atLeft);
    if (logarithmic != m_logarithmic)
        setLogarithmic(*axis, logarithmic);
    m_logarithmic = logarithmic;
    worst = worst > 0 ? worst : 1;
    const double lowest = worst * std::pow(10.0, -kDecades);
    axis->setRange(logarithmic ? lowest : 0,
                   logarithmic ? lowest * std::pow(worst / lowest, 1 / kErrorShare) : worst / kErrorShare);
    axis->ticker()->setTickCount(2);
}

void FormatRowPlot::setIsLowest(bool lowest, const QString &valueName) {
    QCPAxis *axis = m_rect->axis(QCPAxis::atBottom);
    axis->setTickLabels(lowest);
    axis->setLabel(lowest ? QObject::tr("%1 (ticks: code points; hatched: clipped)").arg(valueName)
                          : QString());
}

void FormatRowPlot::applyColors(const PlotTheme &theme) {
    QColor fill = theme.series(1);
    m_errors->setPen(QPen(fill, 1));
    fill.setAlpha(theme.isDark ? 120 : 90);
    m_errors->setBrush(fill);
    m_points->setScatterStyle(QCPScatterStyle(tick(), QPen(theme.text, 1), Qt::NoBrush, 6));
    QColor hatch = theme.text;
    hatch.setAlpha(70);
    for (QCPItemRect *rect : {m_clippedLow, m_clippedHigh}) {
        rect->setPen(Qt::NoPen);
        rect->setBrush(QBrush(hatch, Qt::BDiagPattern));
    }
    QColor plate = theme.background;
    plate.setAlpha(200);
    m_title->setColor(theme.text);
    m_title->setBrush(plate);
    m_handles->applyColors(theme);
}

} // namespace qs::views
