#include "views/roofline/roofline_chart.h"

#include "core/base/number_text.h"
#include "core/figure/roofline_figure.h"
#include "views/roofline/operator_model.h"

#include <qcustomplot.h>

namespace qs::views {

namespace {

constexpr int kSizeSteps = 4;
constexpr double kReachPixels = 14;
constexpr QCPScatterStyle::ScatterShape kShapes[] = {QCPScatterStyle::ssDisc, QCPScatterStyle::ssSquare,
                                                     QCPScatterStyle::ssTriangle, QCPScatterStyle::ssDiamond};

/// 0 … kSizeSteps − 1: area follows the share of the time.
int sizeStep(double share) {
    return std::clamp(static_cast<int>(std::sqrt(share) * 2 * kSizeSteps), 0, kSizeSteps - 1);
}

bool isDrawable(const OperatorCost &cost) {
    return cost.intensity > 0 && cost.operationsPerSecond > 0; // copies have no place on logarithmic axes
}

} // namespace

RooflineChart::RooflineChart(QWidget *parent) : PlotView(parent) {
    QCustomPlot &chart = plot();
    for (QCPAxis *axis : {chart.xAxis, chart.yAxis}) {
        axis->setScaleType(QCPAxis::stLogarithmic);
        axis->setTicker(QSharedPointer<QCPAxisTickerLog>::create());
        axis->setNumberFormat("eb");
        axis->setNumberPrecision(0);
    }
    chart.xAxis->setLabel(tr("intensity [operations per byte]"));
    chart.yAxis->setLabel(tr("speed [operations per second]"));
    chart.legend->setVisible(true);
    chart.legend->setIconSize(10, 10);
    chart.legend->setRowSpacing(-1);
    chart.legend->setFillOrder(QCPLegend::foRowsFirst);
    chart.legend->setWrap(5);
    chart.legend->setMargins({4, 2, 4, 2});
    chart.axisRect()->insetLayout()->setInsetAlignment(0, Qt::AlignBottom | Qt::AlignRight);
    connect(this, &PlotView::clicked, this, [this](double x, double y) {
        if (const auto place = placeAt(x, y))
            emit operatorClicked(place->precision, place->index);
    });
    setFitter([this] { fitAll(); });
    setSizer([this](QSize size) { updateLegend(size); });
    setReadOut([this](double x, double y) { return readOut(x, y); });
    setStyler([this](const PlotTheme &theme) { applyColors(theme); });
    setFileName(QStringLiteral("roofline"));
    setAccessibleName(tr("Roofline: operators by intensity and speed"));
}

QCPGraph *RooflineChart::addGraph(const QString &name, int kind, int shape, int size) {
    QCPGraph *graph = plot().addGraph();
    graph->setName(name);
    graph->setLineStyle(QCPGraph::lsNone);
    m_points.push_back({graph, kind, shape, size});
    return graph;
}

void RooflineChart::addLine(const QString &name, const QVector<double> &x, const QVector<double> &y,
                            bool verified) {
    auto *roof = new QCPCurve(plot().xAxis, plot().yAxis);
    roof->setName(name);
    roof->setData(x, y);
    roof->setPen(QPen(Qt::black, 1.4, verified ? Qt::SolidLine : Qt::DashLine));
    roof->removeFromLegend();
    m_roofs.push_back(roof);
}

void RooflineChart::addLabel(const QString &text, double x, double y, bool under) {
    auto *label = new QCPItemText(&plot());
    label->setText(text);
    label->setSelectable(false);
    label->setPositionAlignment(Qt::AlignRight | (under ? Qt::AlignTop : Qt::AlignBottom));
    label->position->setCoords(x, y);
    label->setPadding({2, 0, 2, 1});
    m_labels.push_back(label);
}

void RooflineChart::addRoofs() {
    constexpr double kFar = 1e6; // beyond the range, for those who zoom out
    const double bandwidth = m_study->hardware.bytesPerSecond * m_study->request.use.bandwidthEfficiency;
    const RooflineRange range = rooflineRange(*m_study);
    std::vector<NamedRoof> roofs = usedRoofs(*m_study);
    std::sort(roofs.begin(), roofs.end(), [](const NamedRoof &x, const NamedRoof &y) {
        return x.roof.operationsPerSecond > y.roof.operationsPerSecond;
    });
    const auto nameOf = [](const QString &name, double rate, const char *unit, bool verified) {
        return QStringLiteral("%1 %2%3").arg(name, QString::fromStdString(metricText(rate, unit)),
                                             verified ? QString() : tr(" (unverified)"));
    };
    const double highest = roofs.empty() ? range.mostRate : roofs.front().roof.operationsPerSecond;
    for (double above = INFINITY; const NamedRoof &named : roofs) {
        const double rate = named.roof.operationsPerSecond;
        const QString text = nameOf(QString::fromStdString(named.name), rate, "OP/s", named.verified);
        addLine(text, {rate / bandwidth, range.mostIntensity * kFar}, {rate, rate}, named.verified);
        addLabel(text, range.mostIntensity, rate,
                 above < 5 * rate); // under its line where the next is close above
        above = rate;
    }
    const bool verified = m_study->hardware.isVerified("memory_bandwidth_gbs");
    const QString slope = nameOf(tr("memory"), bandwidth, "B/s", verified);
    const double low = range.leastIntensity / kFar;
    addLine(slope, {low, highest / bandwidth}, {low * bandwidth, highest}, verified);
    const double start = std::max(range.leastIntensity, range.leastRate / bandwidth);
    const double middle = std::sqrt(start * highest / bandwidth);
    addLabel(slope, middle, middle * bandwidth, false);
}

void RooflineChart::addPoints() {
    for (std::size_t p = 0; p < m_study->precisions.size(); ++p) {
        const Roofline &line = m_study->precisions[p].line;
        std::map<std::pair<int, int>, QCPGraph *> graphs; // by kind and size
        for (const OperatorCost &cost : line.operators) {
            if (!isDrawable(cost))
                continue;
            const int kind = static_cast<int>(cost.work.kind), size = sizeStep(cost.seconds / line.seconds);
            QCPGraph *&graph = graphs[{kind, size}];
            if (!graph) {
                graph = addGraph(
                    QStringLiteral("%1 %2").arg(QString::fromStdString(line.name),
                                                QString::fromLatin1(operatorKindName(cost.work.kind))),
                    kind, static_cast<int>(p), size);
                graph->removeFromLegend();
            }
            graph->addData(cost.intensity, cost.operationsPerSecond);
        }
    }
}

/// Shapes, then colours: entries of their own, since a point has both.
void RooflineChart::addLegend() {
    for (std::size_t p = 0; p < m_study->precisions.size(); ++p)
        addGraph(QString::fromStdString(m_study->precisions[p].line.name), -1, static_cast<int>(p), 1);
    for (int kind = 0; kind < kOperatorKinds; ++kind)
        if (std::any_of(m_points.begin(), m_points.end(),
                        [kind](const PointGraph &point) { return point.kind == kind; }))
            m_kinds.push_back(
                addGraph(QString::fromLatin1(operatorKindName(static_cast<OperatorKind>(kind))), kind, 1, 1));
    updateLegend(size());
}

/// In a low chart the legend would hide points: colours are named beside it, too.
void RooflineChart::updateLegend(QSize size) {
    constexpr int kLow = 300;
    for (QCPGraph *kind : m_kinds) {
        if (size.height() < kLow)
            kind->removeFromLegend();
        else
            kind->addToLegend();
    }
}

void RooflineChart::setStudy(std::shared_ptr<const RooflineStudy> study, bool keepView) {
    m_study = std::move(study);
    plot().clearPlottables();
    for (QCPItemText *label : m_labels)
        plot().removeItem(label);
    m_labels.clear();
    m_points.clear();
    m_kinds.clear();
    m_roofs.clear();
    m_selection = nullptr;
    if (!m_study)
        return replot();
    addRoofs();
    addPoints();
    addLegend();
    addSelection();
    applyColors(PlotTheme::ofApplication());
    if (!keepView)
        fitAll();
    replot();
}

void RooflineChart::setSelected(const std::string &name) {
    m_selected = name;
    if (!m_study)
        return;
    addSelection();
    applyColors(PlotTheme::ofApplication());
    replot();
}

void RooflineChart::addSelection() {
    if (!m_selection) {
        m_selection = new QCPCurve(plot().xAxis, plot().yAxis);
        m_selection->removeFromLegend();
        m_selection->setName(tr("selected"));
    }
    QVector<double> x, y;
    for (const PrecisionStudy &precision : m_study->precisions)
        for (const OperatorCost &cost : precision.line.operators)
            if (!m_selected.empty() && cost.work.name == m_selected && isDrawable(cost)) {
                x << cost.intensity;
                y << cost.operationsPerSecond;
            }
    m_selection->setData(x, y);
}

void RooflineChart::applyColors(const PlotTheme &theme) {
    for (const PointGraph &point : m_points) {
        const QColor color = point.kind < 0 ? theme.weakText : theme.series(point.kind);
        QColor fill = color;
        fill.setAlpha(170);
        const double size = 6 + 5 * point.sizeStep;
        point.graph->setScatterStyle(
            QCPScatterStyle(kShapes[static_cast<std::size_t>(point.shape) % std::size(kShapes)],
                            QPen(color, 1.2), QBrush(fill), size));
    }
    for (QCPCurve *roof : m_roofs) {
        QPen pen = roof->pen();
        pen.setColor(theme.text);
        roof->setPen(pen);
    }
    for (QCPItemText *label : m_labels) {
        label->setColor(theme.text);
        label->setFont(plot().font());
    }
    if (m_selection) {
        m_selection->setPen(QPen(theme.text, 1, Qt::DotLine));
        m_selection->setScatterStyle(
            QCPScatterStyle(QCPScatterStyle::ssCircle, QPen(theme.text, 2), Qt::NoBrush, 26));
    }
}

void RooflineChart::fitAll() {
    if (!m_study)
        return;
    const RooflineRange range = rooflineRange(*m_study);
    plot().xAxis->setRange(range.leastIntensity, range.mostIntensity);
    plot().yAxis->setRange(range.leastRate, range.mostRate);
}

const OperatorCost &RooflineChart::costAt(Place place) const {
    return m_study->precisions[static_cast<std::size_t>(place.precision)]
        .line.operators[static_cast<std::size_t>(place.index)];
}

std::optional<RooflineChart::Place> RooflineChart::placeAt(double x, double y) const {
    if (!m_study)
        return {};
    auto &axes = const_cast<RooflineChart *>(this)->plot();
    const QPointF pointer(axes.xAxis->coordToPixel(x), axes.yAxis->coordToPixel(y));
    std::optional<Place> best;
    double least = kReachPixels;
    for (std::size_t p = 0; p < m_study->precisions.size(); ++p) {
        const auto &operators = m_study->precisions[p].line.operators;
        for (std::size_t i = 0; i < operators.size(); ++i) {
            if (!isDrawable(operators[i]))
                continue;
            const QPointF at(axes.xAxis->coordToPixel(operators[i].intensity),
                             axes.yAxis->coordToPixel(operators[i].operationsPerSecond));
            if (const double distance = QLineF(pointer, at).length(); distance < least) {
                least = distance;
                best = Place{static_cast<int>(p), static_cast<int>(i)};
            }
        }
    }
    return best;
}

QString RooflineChart::readOut(double x, double y) const {
    const auto place = placeAt(x, y);
    if (!place)
        return {};
    return operatorToolTip(m_study->precisions[static_cast<std::size_t>(place->precision)].line,
                           costAt(*place));
}

} // namespace qs::views
