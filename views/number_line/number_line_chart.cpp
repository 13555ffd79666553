#include "views/number_line/number_line_chart.h"

#include "views/number_line/format_table_model.h"
#include "views/shared/format_text.h"

#include <QScopedValueRollback>
#include <qcustomplot.h>

namespace qs::views {

namespace {

constexpr double kPixelsPerBin = 4;
constexpr double kLogFloor = 0.5;
constexpr double kKeyStep = 1.0 / 200; ///< of what is in view
constexpr int kHistogramHeight = 84, kRowHeight = 52, kAxisHeight = 46;

} // namespace

NumberLineChart::NumberLineChart(QWidget *parent) : PlotView(parent), m_margins(new QCPMarginGroup(&plot())) {
    QCustomPlot &chart = plot();
    chart.axisRect()->setMarginGroup(QCP::msLeft | QCP::msRight, m_margins);
    chart.axisRect()->setMinimumSize(50, kHistogramHeight);
    chart.axisRect()->setMinimumMargins({0, 2, 4, 2});
    chart.plotLayout()->setRowStretchFactor(0, 1.6);
    m_counts = chart.addGraph();
    m_counts->setLineStyle(QCPGraph::lsStepLeft);
    m_counts->setAntialiasedFill(false);
    m_counts->setName(tr("values"));
    m_handles = std::make_unique<ClipHandles>(chart, *chart.axisRect(), true);
    chart.yAxis->setLabel(tr("values"));
    setZoomAxes(Qt::Horizontal);
    linkTo(*chart.xAxis);
    setLogCounts(true);
    setFitter([this] { fitAll(); });
    setReadOut([this](double x, double) { return readOut(x); });
    setStyler([this](const PlotTheme &theme) { applyColors(theme); });
    setFileName(QStringLiteral("number-line"));
    setAccessibleName(tr("Number line: histogram, and code points and errors of formats"));
    setToolTip(tr("Drag the ends of a clip range; Shift+←/→ moves the upper one, Ctrl+←/→ the lower one"));
}

NumberLineChart::~NumberLineChart() {
    // They give their parts back to the plot, which the base class deletes.
    m_rows.clear();
    m_handles.reset();
}

void NumberLineChart::applyColors(const PlotTheme &theme) {
    QColor fill = theme.series(0);
    m_counts->setPen(QPen(fill, 1));
    fill.setAlpha(theme.isDark ? 120 : 90);
    m_counts->setBrush(fill);
    m_handles->applyColors(theme);
    for (const auto &row : m_rows)
        row->applyColors(theme);
}

void NumberLineChart::setTable(std::shared_ptr<const NumberLineTable> table) {
    const bool sameView = m_table && table && m_table->values->request == table->values->request &&
                          m_table->values->sorted.count() > 0;
    const NumberLineValues *before = m_table ? m_table->values.get() : nullptr;
    m_table = std::move(table);
    setRowCount(m_table->rows.size());
    for (std::size_t i = 0; i < m_rows.size(); ++i) {
        m_rows[i]->setRow(*m_table, i);
        m_rows[i]->setIsLowest(i + 1 == m_rows.size(), QString::fromStdString(m_table->values->valueName));
    }
    plot().xAxis->setTickLabels(m_rows.empty());
    plot().xAxis->setLabel(m_rows.empty() ? QString::fromStdString(m_table->values->valueName) : QString());
    const NumberLineRow *current = shownRow(m_table->current);
    m_handles->setVisible(false);
    if (current != nullptr && current->choice.kind != ClipChoice::Kind::Own)
        m_handles->setRange(current->clip, true);
    const bool moreValues = sameView && before != m_table->values.get() &&
                            plot().xAxis->range() == QCPRange(m_fitted.lo, m_fitted.hi);
    if (!sameView || moreValues)
        fitAll();
    else
        rebin();
    replot();
}

void NumberLineChart::setRowCount(std::size_t count) {
    if (count == m_rows.size())
        return;
    while (m_rows.size() > count)
        m_rows.pop_back();
    while (m_rows.size() < count) {
        m_rows.push_back(std::make_unique<FormatRowPlot>(plot(), *m_margins));
        QCPAxis *axis = m_rows.back()->rect().axis(QCPAxis::atBottom);
        axis->setRange(plot().xAxis->range());
        linkTo(*axis);
    }
    const PlotTheme theme = PlotTheme::ofApplication();
    applyTheme(plot(), theme);
    applyColors(theme);
    setMinimumHeight(kHistogramHeight + kAxisHeight + static_cast<int>(count) * kRowHeight);
}

void NumberLineChart::linkTo(QCPAxis &axis) {
    connect(&axis, qOverload<const QCPRange &>(&QCPAxis::rangeChanged), this,
            [this](const QCPRange &range) { linkRange(range.lower, range.upper); });
}

void NumberLineChart::linkRange(double lower, double upper) {
    if (m_linking)
        return;
    const QScopedValueRollback linking(m_linking, true);
    plot().xAxis->setRange(lower, upper);
    for (const auto &row : m_rows)
        row->rect().axis(QCPAxis::atBottom)->setRange(lower, upper);
    rebin();
}

void NumberLineChart::rebin() {
    if (!m_table || m_table->values->sorted.count() == 0)
        return;
    const SortedValues &values = m_table->values->sorted;
    const QCPRange range = plot().xAxis->range();
    const int bins = std::clamp(static_cast<int>(plot().axisRect()->width() / kPixelsPerBin), 32, 1000);
    m_bins = binnedError(values, nullptr, range.lower, range.upper, bins);
    QVector<double> keys, counts;
    double highest = 1;
    for (std::size_t bin = 0; bin < m_bins.counts.size(); ++bin) {
        keys.push_back(m_bins.left(bin));
        counts.push_back(static_cast<double>(m_bins.counts[bin]));
        highest = std::max(highest, counts.back());
    }
    keys.push_back(m_bins.hi());
    counts.push_back(0);
    m_counts->setData(keys, counts, true);
    plot().yAxis->setRange(m_logCounts ? kLogFloor : 0,
                           m_logCounts ? std::max(highest, 10.0) * 1.5 : highest * 1.05);
    double worst = 0;
    for (std::size_t i = 0; i < m_rows.size(); ++i) {
        const BinnedError errors =
            binnedError(values, &m_table->rows[i].points, range.lower, range.upper, bins);
        worst = std::max(worst, *std::max_element(errors.errors.begin(), errors.errors.end()));
        m_rows[i]->setErrors(errors);
    }
    for (const auto &row : m_rows)
        row->setErrorScale(worst, m_logErrors);
}

void NumberLineChart::setLogCounts(bool logarithmic) {
    m_logCounts = logarithmic;
    setLogarithmic(*plot().yAxis, logarithmic);
    plot().yAxis->ticker()->setTickCount(3);
    rebin();
    replot();
}

void NumberLineChart::setLogErrors(bool logarithmic) {
    m_logErrors = logarithmic;
    rebin();
    replot();
}

void NumberLineChart::fitAll() {
    if (!m_table)
        return;
    auto [lo, hi] = m_table->values->extent;
    const double width = hi > lo ? hi - lo : std::max(1.0, std::abs(lo));
    for (const NumberLineRow &row : m_table->rows) { // wider clip ranges stay in view, within reason
        lo = std::min(lo, std::max(row.clip.lo, lo - width));
        hi = std::max(hi, std::min(row.clip.hi, hi + width));
    }
    plot().xAxis->setRange(lo - 0.02 * width, hi + 0.02 * width);
    m_fitted = {plot().xAxis->range().lower, plot().xAxis->range().upper};
    rebin();
}

const NumberLineRow *NumberLineChart::shownRow(int row) const {
    return m_table && row >= 0 && row < static_cast<int>(m_table->rows.size())
               ? &m_table->rows[static_cast<std::size_t>(row)]
               : nullptr;
}

int NumberLineChart::rowAt(const QPoint &position) const {
    for (std::size_t i = 0; i < m_rows.size(); ++i)
        if (m_rows[i]->rect().rect().contains(position))
            return static_cast<int>(i);
    return -1;
}

NumberLineChart::Grip NumberLineChart::gripAt(const QPoint &position) const {
    if (!m_table)
        return {};
    const int row = rowAt(position);
    if (row >= 0)
        return {row, m_rows[static_cast<std::size_t>(row)]->handles().endAt(position.x())};
    return {m_table->current, m_handles->endAt(position.x())};
}

void NumberLineChart::moveEnd(Grip grip, double value) {
    const NumberLineRow *row = shownRow(grip.row);
    if (row == nullptr || row->choice.kind == ClipChoice::Kind::Own || !std::isfinite(value))
        return;
    // A range keeps some width; none would stand for [-1, 1].
    const double least = 1e-4 * plot().xAxis->range().size();
    ValueRange clip = row->clip;
    (grip.end == ClipHandles::End::Low ? clip.lo : clip.hi) = value;
    if (row->format->hasSymmetricRange())
        clip.lo = -(clip.hi = std::max(std::abs(value), least));
    else if (grip.end == ClipHandles::End::Low)
        clip.lo = std::min({clip.lo, clip.hi, 0.0}); // an asymmetric grid always holds 0
    else
        clip.hi = std::max({clip.hi, clip.lo, 0.0});
    if (clip.hi - clip.lo < least)
        return;
    emit clipWished(grip.row, clip.lo, clip.hi);
}

bool NumberLineChart::onPress(const QMouseEvent &event) {
    if (event.button() != Qt::LeftButton)
        return false;
    const Grip grip = gripAt(event.pos());
    if (const int row = rowAt(event.pos()); row >= 0 && m_table && row != m_table->current)
        emit rowClicked(row);
    if (grip.end == ClipHandles::End::None)
        return false;
    setFocus();
    m_dragged = grip;
    return true;
}

void NumberLineChart::onMove(const QMouseEvent &event) {
    m_hovered = rowAt(event.pos());
    if (m_dragged.end != ClipHandles::End::None)
        moveEnd(m_dragged, plot().xAxis->pixelToCoord(event.pos().x()));
    const bool overHandle =
        m_dragged.end != ClipHandles::End::None || gripAt(event.pos()).end != ClipHandles::End::None;
    plot().setCursor(overHandle ? Qt::SplitHCursor : Qt::ArrowCursor);
}

bool NumberLineChart::eventFilter(QObject *watched, QEvent *event) {
    if (watched == &plot() && event->type() == QEvent::MouseButtonPress &&
        onPress(*static_cast<QMouseEvent *>(event)))
        return true;
    if (watched == &plot() && event->type() == QEvent::MouseMove)
        onMove(*static_cast<QMouseEvent *>(event)); // the read-out follows, too
    if (watched == &plot() && event->type() == QEvent::MouseButtonRelease &&
        std::exchange(m_dragged, {}).end != ClipHandles::End::None)
        return true;
    return PlotView::eventFilter(watched, event);
}

void NumberLineChart::keyPressEvent(QKeyEvent *event) {
    const bool low = event->modifiers() == Qt::ControlModifier,
               high = event->modifiers() == Qt::ShiftModifier;
    const bool arrow = event->key() == Qt::Key_Left || event->key() == Qt::Key_Right;
    const NumberLineRow *row = m_table ? shownRow(m_table->current) : nullptr;
    if (!arrow || !(low || high) || row == nullptr)
        return PlotView::keyPressEvent(event);
    const double step = (event->key() == Qt::Key_Left ? -1 : 1) * kKeyStep * plot().xAxis->range().size();
    moveEnd({m_table->current, low ? ClipHandles::End::Low : ClipHandles::End::High},
            (low ? row->clip.lo : row->clip.hi) + step);
}

void NumberLineChart::resizeEvent(QResizeEvent *event) {
    PlotView::resizeEvent(event);
    QMetaObject::invokeMethod(
        this,
        [this] { // the plot lays itself out first
            rebin();
            replot();
        },
        Qt::QueuedConnection);
}

QString NumberLineChart::readOut(double x) const {
    if (m_bins.counts.empty() || x < m_bins.lo || x >= m_bins.hi())
        return {};
    const auto bin =
        std::min(m_bins.counts.size() - 1, static_cast<std::size_t>((x - m_bins.lo) / m_bins.width));
    QString text = tr("%1 … %2\nvalues: %3")
                       .arg(formatNumber(m_bins.left(bin)), formatNumber(m_bins.left(bin + 1)),
                            formatCount(m_bins.counts[bin]));
    const NumberLineRow *row = shownRow(m_hovered >= 0 ? m_hovered : m_table->current);
    if (row == nullptr)
        return text;
    const auto value = static_cast<float>(x);
    const std::size_t point = row->points.nearest(value);
    const auto level = static_cast<double>(row->points.values[point]);
    text += tr("\n%1\ncode %2 = %3, taken by %4\nerror of %5: %6%7")
                .arg(rowTitle(*row))
                .arg(row->format->codes[point])
                .arg(formatNumber(level), formatCount(row->error.valuesPerPoint[point]), formatNumber(x),
                     formatNumber(level - x), row->points.isClipped(value) ? tr(" (clipped)") : QString());
    const BinnedError here =
        binnedError(m_table->values->sorted, &row->points, m_bins.left(bin), m_bins.left(bin + 1), 1);
    return text + tr("\nΣ error² of the bin: %1").arg(formatNumber(here.errors[0]));
}

} // namespace qs::views
