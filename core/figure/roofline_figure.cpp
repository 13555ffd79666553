#include "core/figure/roofline_figure.h"

#include "core/base/number_text.h"
#include "core/figure/figure_parts.h"
#include "core/figure/roofline_bars.h"
#include "core/figure/series_colors.h"

#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>

namespace qs {
namespace {

constexpr double kLegendRow = 18;

bool isDark(const FigureTheme &theme) {
    return toLab(theme.background).lightness < 50;
}

/// Circle, square, triangle, diamond: one shape per precision.
void drawMark(Drawing &drawing, Point at, double radius, std::size_t shape, Rgb color) {
    constexpr int kCorners[] = {16, 4, 3, 4};
    constexpr double kTurn[] = {0, 0.25, -0.5, 0};
    const int corners = kCorners[shape % std::size(kCorners)];
    std::vector<Point> outline;
    for (int i = 0; i < corners; ++i) {
        const double angle = M_PI * (2.0 * i / corners + kTurn[shape % std::size(kTurn)]);
        outline.push_back({at.x + radius * std::cos(angle), at.y + radius * std::sin(angle)});
    }
    drawing.fill(outline, color, 0.75);
    outline.push_back(outline.front());
    drawing.line(outline, {color, 1});
}

class RooflineFigure final : public Figure {
public:
    explicit RooflineFigure(std::shared_ptr<const RooflineStudy> study) : m_study(std::move(study)) {}

    std::string title() const override {
        return fmt::format("Roofline of {} on {}", printable(m_study->source), m_study->hardware.name);
    }
    std::string subtitle() const override;
    FigureSize preferredSize() const override { return {1400, 780}; }
    Result<std::string> csv(const RunContext &ctx) const override;
    void drawContent(Drawing &drawing, const Rect &area, const FigureTheme &theme) const override;

private:
    void drawRoofs(Drawing &drawing, const Rect &plot, const FigureTheme &theme) const;
    void drawPoints(Drawing &drawing, const Rect &plot, const FigureTheme &theme) const;
    void drawKeys(Drawing &drawing, const Rect &area, const FigureTheme &theme) const;
    Point place(const Rect &plot, double intensity, double rate) const {
        return {plot.left + m_x.position(intensity) * plot.width,
                plot.bottom() - m_y.position(rate) * plot.height};
    }

    std::shared_ptr<const RooflineStudy> m_study;
    RooflineRange m_range = rooflineRange(*m_study);
    AxisScale m_x{m_range.leastIntensity, m_range.mostIntensity, true},
        m_y{m_range.leastRate, m_range.mostRate, true};
};

std::string RooflineFigure::subtitle() const {
    std::string text = settingsText(*m_study) + ". An estimate: peak rates, no overlap of operators. " +
                       countingText(*m_study);
    const std::string unverified = unverifiedText(m_study->hardware);
    return unverified.empty() ? text : text + '\n' + unverified;
}

void RooflineFigure::drawRoofs(Drawing &drawing, const Rect &plot, const FigureTheme &theme) const {
    const double bandwidth = m_study->hardware.bytesPerSecond * m_study->request.use.bandwidthEfficiency;
    if (!(bandwidth > 0))
        return; // a study of nothing
    const TextStyle label{11, theme.text, false, Align::End, Align::End};
    double highest = 0;
    for (const NamedRoof &named : usedRoofs(*m_study)) {
        const double rate = named.roof.operationsPerSecond;
        highest = std::max(highest, rate);
        const Point ridge = place(plot, rate / bandwidth, rate),
                    end = place(plot, m_range.mostIntensity, rate);
        drawing.line(ridge, end, {theme.text, 1.4, 1, !named.verified});
        drawing.text({end.x - 4, end.y - 4},
                     fmt::format("{} {}{}", named.name, metricText(rate, "OP/s"),
                                 named.verified ? "" : " (unverified)"),
                     label);
    }
    highest = highest > 0 ? highest : m_range.mostRate;
    const Point low = place(plot, m_range.leastIntensity, m_range.leastIntensity * bandwidth);
    const bool verified = m_study->hardware.isVerified("memory_bandwidth_gbs");
    drawing.line(low, place(plot, highest / bandwidth, highest), {theme.text, 1.4, 1, !verified});
    const double where =
        std::sqrt(std::max(m_range.leastIntensity, m_range.leastRate / bandwidth) * highest / bandwidth);
    TextStyle slope = label;
    slope.horizontal = Align::End;
    const Point at = place(plot, where, where * bandwidth);
    drawing.text({at.x - 8, at.y - 6},
                 fmt::format("memory {}{}", metricText(bandwidth, "B/s"), verified ? "" : " (unverified)"),
                 slope);
}

void RooflineFigure::drawPoints(Drawing &drawing, const Rect &plot, const FigureTheme &theme) const {
    for (std::size_t p = 0; p < m_study->precisions.size(); ++p) {
        const Roofline &line = m_study->precisions[p].line;
        for (const OperatorCost &cost : line.operators) {
            if (cost.intensity <= 0 || cost.operationsPerSecond <= 0)
                continue;
            const double radius = 3 + 11 * std::sqrt(cost.seconds / line.seconds);
            drawMark(drawing, place(plot, cost.intensity, cost.operationsPerSecond), radius, p,
                     seriesColor(static_cast<int>(cost.work.kind), isDark(theme)));
        }
    }
}

void RooflineFigure::drawKeys(Drawing &drawing, const Rect &area, const FigureTheme &theme) const {
    const TextStyle style{11.5, theme.text, false, Align::Start, Align::Middle};
    double x = area.left, y = area.top + kLegendRow / 2;
    for (std::size_t p = 0; p < m_study->precisions.size(); ++p) {
        const std::string &name = m_study->precisions[p].line.name;
        drawMark(drawing, {x + 6, y}, 5, p, theme.faintText);
        drawing.text({x + 16, y}, printable(name), style);
        x += 34 + drawing.textWidth(printable(name), style);
    }
    x = area.left;
    y += kLegendRow;
    for (int kind = 0; kind < kOperatorKinds; ++kind) {
        const bool used = std::any_of(
            m_study->precisions.begin(), m_study->precisions.end(), [kind](const auto &precision) {
                return precision.line.secondsByKind[static_cast<std::size_t>(kind)] > 0;
            });
        if (!used)
            continue;
        const std::string name = operatorKindName(static_cast<OperatorKind>(kind));
        drawing.fill(Rect{x, y - 5, 12, 10}, seriesColor(kind, isDark(theme)));
        drawing.text({x + 16, y}, name, style);
        x += 34 + drawing.textWidth(name, style);
    }
}

void RooflineFigure::drawContent(Drawing &drawing, const Rect &area, const FigureTheme &theme) const {
    const double barsWidth = area.width * 0.36, keys = 2 * kLegendRow + 8;
    drawKeys(drawing, area, theme);
    const double axis = verticalAxisWidth(drawing, m_y, area.height - keys - kHorizontalAxisHeight);
    const Rect plot{area.left + axis, area.top + keys, area.width - barsWidth - axis - 28,
                    area.height - keys - kHorizontalAxisHeight};
    if (plot.empty())
        return;
    drawVerticalAxis(drawing, plot, m_y, "operations per second", theme);
    drawHorizontalAxis(drawing, plot, m_x, "operations per byte", theme);
    drawing.clip(plot);
    drawRoofs(drawing, plot, theme);
    drawPoints(drawing, plot, theme);
    drawing.unclip();
    drawRooflineBars(drawing, {area.right() - barsWidth, area.top, barsWidth, area.height}, *m_study, theme);
}

Result<std::string> RooflineFigure::csv(const RunContext & /*ctx*/) const {
    std::string text = "precision,operator,kind,operations per byte,operations per second,seconds\n";
    for (const PrecisionStudy &precision : m_study->precisions)
        for (const OperatorCost &cost : precision.line.operators)
            text += fmt::format("{},{},{},{},{},{}\n", csvField(precision.line.name),
                                csvField(cost.work.name), operatorKindName(cost.work.kind), cost.intensity,
                                cost.operationsPerSecond, cost.seconds);
    return text;
}

} // namespace

RooflineRange rooflineRange(const RooflineStudy &study) {
    const double bandwidth = study.hardware.bytesPerSecond * study.request.use.bandwidthEfficiency;
    double leastX = INFINITY, mostX = 0, leastY = INFINITY, mostY = 0;
    const auto include = [&](double intensity, double rate) {
        leastX = std::min(leastX, intensity);
        mostX = std::max(mostX, intensity);
        leastY = std::min(leastY, rate);
        mostY = std::max(mostY, rate);
    };
    for (const NamedRoof &named : usedRoofs(study))
        include(named.roof.operationsPerSecond / bandwidth, named.roof.operationsPerSecond);
    for (const PrecisionStudy &precision : study.precisions)
        for (const OperatorCost &cost : precision.line.operators)
            if (cost.intensity > 0 && cost.operationsPerSecond > 0)
                include(cost.intensity, cost.operationsPerSecond);
    if (!(mostX > 0))
        return {};
    const auto down = [](double value) { return std::pow(10.0, std::floor(std::log10(value / 1.2))); };
    const auto up = [](double value) { return std::pow(10.0, std::ceil(std::log10(value * 2))); };
    return {down(leastX), up(mostX), down(leastY), up(mostY)};
}

std::vector<NamedRoof> usedRoofs(const RooflineStudy &study) {
    std::vector<NamedRoof> roofs;
    std::map<ComputeType, std::pair<double, int>>
        seen; // rate, and whether matrix (1), vector (2) or both use it
    for (const PrecisionStudy &precision : study.precisions)
        for (const OperatorCost &cost : precision.line.operators)
            if (cost.roof && cost.work.operations > 0) {
                auto &[rate, uses] = seen[cost.roof->type];
                rate = cost.roof->operationsPerSecond;
                uses |= cost.work.matrix || cost.work.forcedRoof ? 1 : 2;
            }
    for (const auto &[type, entry] : seen) {
        constexpr const char *kUses[] = {"", "matrix", "vector", "matrix and vector"};
        roofs.push_back(
            {{type, entry.first},
             fmt::format("{} {}", computeTypeName(type), kUses[entry.second]),
             study.hardware.isVerified(fmt::format("peak_dense_tops.{}", computeTypeName(type)))});
    }
    return roofs;
}

std::string unverifiedText(const HardwareProfile &hardware) {
    const std::vector<std::string> fields = hardware.unverifiedFields();
    if (fields.empty())
        return {};
    return fmt::format("Not confirmed by a source: {}.", fmt::join(fields, ", "));
}

std::unique_ptr<Figure> makeRooflineFigure(std::shared_ptr<const RooflineStudy> study) {
    return std::make_unique<RooflineFigure>(std::move(study));
}

} // namespace qs
