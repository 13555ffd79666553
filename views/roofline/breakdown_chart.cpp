#include "views/roofline/breakdown_chart.h"

#include "core/base/number_text.h"
#include "views/shared/format_text.h"

#include <qcustomplot.h>

namespace qs::views {

namespace {

double sumOf(const std::vector<BarPart> &parts) {
    double sum = 0;
    for (const BarPart &part : parts)
        sum += part.value;
    return sum;
}

} // namespace

BreakdownChart::BreakdownChart(What what, QWidget *parent)
    : PlotView(parent), m_what(what), m_names(new QCPAxisTickerText),
      m_limit(new QCPItemStraightLine(&plot())) {
    QCustomPlot &chart = plot();
    chart.yAxis->setTicker(m_names);
    chart.yAxis->setRangeReversed(true);
    chart.yAxis->setSubTicks(false);
    chart.yAxis->grid()->setVisible(false);
    chart.yAxis->setTickPen(Qt::NoPen);
    chart.legend->setIconSize(10, 10);
    chart.legend->setRowSpacing(-2);
    placeLegendAbove(chart);
    m_limit->setSelectable(false);
    setZoomAxes(Qt::Horizontal);
    setFitter([this] { fitAll(); });
    setReadOut([this](double, double y) { return readOut(y); });
    setStyler([this](const PlotTheme &theme) { applyColors(theme); });
    setFileName(what == What::Time ? QStringLiteral("roofline-time") : QStringLiteral("roofline-memory"));
    setAccessibleName(what == What::Time ? tr("Time by kind of operator") : tr("Memory by what it holds"));
}

std::vector<BarPart> BreakdownChart::partsOf(const Roofline &line) const {
    return m_what == What::Time ? timeParts(line) : memoryParts(line);
}

double BreakdownChart::usableBytes() const {
    if (m_what != What::Memory || !m_study || !m_study->hardware.memoryBytes)
        return 0;
    return *m_study->hardware.memoryBytes * m_study->request.use.memoryShare;
}

void BreakdownChart::chooseUnit() {
    m_largest = 0;
    for (const PrecisionStudy &precision : m_study->precisions)
        m_largest = std::max(m_largest, sumOf(partsOf(precision.line)));
    m_unit = std::pow(1000, std::floor(std::log10(m_largest > 0 ? m_largest : 1) / 3));
    const std::string one = metricText(m_unit, m_what == What::Time ? "s" : "B"); // "1 ms"
    const QString unit = QString::fromStdString(one).section(' ', 1);
    plot().xAxis->setLabel(m_what == What::Time ? tr("time of one pass [%1]").arg(unit)
                                                : tr("memory [%1]").arg(unit));
}

void BreakdownChart::addBars() {
    std::map<std::string, std::pair<QCPBars *, int>> byName;
    QCPBars *below = nullptr;
    std::vector<std::pair<std::string, int>> order; // parts in the order in which they appear
    for (const PrecisionStudy &precision : m_study->precisions)
        for (const BarPart &part : partsOf(precision.line))
            if (std::none_of(order.begin(), order.end(),
                             [&](const auto &entry) { return entry.first == part.name; }))
                order.emplace_back(part.name, part.color);
    std::stable_sort(order.begin(), order.end(),
                     [](const auto &a, const auto &b) { return a.second < b.second; });
    for (const auto &[name, color] : order) {
        auto *bars = new QCPBars(plot().yAxis, plot().xAxis);
        bars->setName(QString::fromStdString(name));
        bars->setWidth(0.6);
        if (below)
            bars->moveAbove(below);
        for (std::size_t p = 0; p < m_study->precisions.size(); ++p)
            for (const BarPart &part : partsOf(m_study->precisions[p].line))
                if (part.name == name)
                    bars->addData(static_cast<double>(p), part.value / m_unit);
        below = bars;
        m_bars.push_back(bars);
        m_colors.push_back(color);
    }
}

void BreakdownChart::addTotals() {
    for (std::size_t p = 0; p < m_study->precisions.size(); ++p) {
        const PrecisionStudy &precision = m_study->precisions[p];
        const double total = sumOf(partsOf(precision.line));
        auto *text = new QCPItemText(&plot());
        text->setSelectable(false);
        text->setPositionAlignment(Qt::AlignLeft | Qt::AlignVCenter);
        text->setPadding({5, 0, 2, 0});
        text->position->setCoords(total / m_unit, static_cast<double>(p));
        text->setText(precision.failure
                          ? tr("not possible on this device")
                          : QString::fromStdString(metricText(total, m_what == What::Time ? "s" : "B")));
        m_totals.push_back(text);
    }
}

void BreakdownChart::updateLimit() {
    const double usable = usableBytes();
    m_limit->setVisible(usable > 0 && usable <= 4 * m_largest); // farther away it would squeeze the bars
    m_limit->point1->setCoords(usable / m_unit, 0);
    m_limit->point2->setCoords(usable / m_unit, 1);
}

void BreakdownChart::setStudy(std::shared_ptr<const RooflineStudy> study) {
    m_study = std::move(study);
    plot().clearPlottables();
    for (QCPItemText *text : m_totals)
        plot().removeItem(text);
    m_totals.clear();
    m_bars.clear();
    m_colors.clear();
    m_names->clear();
    if (!m_study)
        return replot();
    for (std::size_t p = 0; p < m_study->precisions.size(); ++p)
        m_names->addTick(static_cast<double>(p),
                         elideMiddle(QString::fromStdString(m_study->precisions[p].line.name), 16));
    chooseUnit();
    addBars();
    addTotals();
    updateLimit();
    applyColors(PlotTheme::ofApplication());
    fitAll();
    replot();
}

void BreakdownChart::applyColors(const PlotTheme &theme) {
    for (std::size_t i = 0; i < m_bars.size(); ++i) {
        const QColor color = theme.series(m_colors[i]);
        m_bars[i]->setPen(QPen(theme.background, 1)); // a gap tells neighbours apart without colour
        m_bars[i]->setBrush(color);
    }
    for (QCPItemText *text : m_totals) {
        text->setColor(theme.text);
        QColor behind = theme.background; // the limit runs behind the numbers
        behind.setAlpha(200);
        text->setBrush(behind);
        text->setFont(plot().font());
    }
    m_limit->setPen(QPen(theme.text, 1.4, Qt::DashLine));
}

void BreakdownChart::fitAll() {
    if (!m_study)
        return;
    const double limit = m_limit->visible() ? usableBytes() : 0;
    // Room for the totals behind the bars, which is a larger share of a narrow chart.
    constexpr double kTotalPixels = 90, kAxisPixels = 100;
    const double room = std::clamp(kTotalPixels / std::max(1.0, width() - kAxisPixels), 0.2, 0.5);
    plot().xAxis->setRange(0, std::max(m_largest / (1 - room), 1.05 * limit) / m_unit);
    plot().yAxis->setRange(-0.6, static_cast<double>(m_study->precisions.size()) - 0.4);
}

QString BreakdownChart::readOut(double y) const {
    const auto place = std::llround(y);
    if (!m_study || place < 0 || place >= static_cast<std::int64_t>(m_study->precisions.size()))
        return {};
    const PrecisionStudy &precision = m_study->precisions[static_cast<std::size_t>(place)];
    const auto text = [this](double value) {
        return QString::fromStdString(metricText(value, m_what == What::Time ? "s" : "B"));
    };
    QString lines = QString::fromStdString(precision.line.name);
    for (const BarPart &part : partsOf(precision.line))
        lines += QStringLiteral("\n%1: %2").arg(QString::fromStdString(part.name), text(part.value));
    if (m_what == What::Time)
        return lines + tr("\nsum of max(operations / rate, bytes / bandwidth) over its operators");
    lines += tr("\nweights = Σ parameters × stored bits / 8 (%1 bit on average)")
                 .arg(formatNumber(precision.line.averageWeightBits));
    if (precision.line.memory.cache > 0)
        lines += tr("\nKV cache = 2 × blocks × batch × tokens × key heads × head width × bits / 8");
    if (usableBytes() > 0)
        lines += tr("\nusable: %1 = %2 of the device's %3")
                     .arg(text(usableBytes()), formatShare(m_study->request.use.memoryShare),
                          text(*m_study->hardware.memoryBytes));
    return lines;
}

} // namespace qs::views
