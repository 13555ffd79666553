#include "core/figure/sensitivity_figure.h"

#include "core/base/number_text.h"
#include "core/figure/figure_parts.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace qs {
namespace {

ColorMap reversed(ColorMap map) {
    std::reverse(map.colors.begin(), map.colors.end());
    return map;
}

class SensitivityFigure final : public Figure {
public:
    SensitivityFigure(std::shared_ptr<const Model> model, std::shared_ptr<const SensitivityTable> table,
                      Metric metric)
        : m_model(std::move(model)), m_table(std::move(table)), m_info(metricInfo(metric)) {
        std::vector<double> values;
        for (std::size_t row = 0; row < m_table->layers.size(); ++row) {
            m_names.push_back(m_model->layers[static_cast<std::size_t>(m_table->layers[row])].name);
            for (std::size_t column = 0; column < m_table->bits.size(); ++column)
                if (const auto value = valueAt(row, column); value && std::isfinite(*value))
                    values.push_back(*value);
        }
        m_scale = scaleOf(values);
    }
    std::string title() const override {
        return fmt::format("Sensitivity: {} with one layer quantized", m_info.name);
    }
    std::string subtitle() const override {
        const auto baseline = metricValue(m_table->baseline, m_info.metric);
        return fmt::format(
            "Each layer alone at each bit-width, all others in float; {} samples. Float model: {}. {} is "
            "better.{}",
            withThousands(m_table->samples), baseline ? text(*baseline) + unit() : "–",
            m_info.higherIsBetter ? "Higher" : "Lower", m_table->complete ? "" : " Partial.");
    }
    FigureSize preferredSize() const override {
        return {static_cast<int>(std::clamp<std::size_t>(m_table->bits.size() * 130 + 480, 800, 2400)),
                std::clamp(static_cast<int>(m_names.size()) * 22 + 170, 360, 8000)};
    }
    Result<std::string> csv(const RunContext &ctx) const override;
    void drawContent(Drawing &drawing, const Rect &area, const FigureTheme &theme) const override;

private:
    std::optional<double> valueAt(std::size_t row, std::size_t column) const {
        const auto &cell = m_table->cell(row, column);
        return cell ? metricValue(cell->network, m_info.metric) : std::nullopt;
    }
    std::string unit() const { return *m_info.unit ? fmt::format(" {}", m_info.unit) : ""; }
    static std::string text(double value) { return significant(value, 3); }
    AxisScale scaleOf(const std::vector<double> &values) const;
    void drawCell(Drawing &drawing, const Rect &cell, std::optional<double> value, const ColorMap &map,
                  const FigureTheme &theme) const;

    std::shared_ptr<const Model> m_model;
    std::shared_ptr<const SensitivityTable> m_table;
    const MetricInfo &m_info;
    std::vector<std::string> m_names;
    AxisScale m_scale;
};

AxisScale SensitivityFigure::scaleOf(const std::vector<double> &values) const {
    if (values.empty())
        return {0, 1, false};
    const auto [lowest, highest] = std::minmax_element(values.begin(), values.end());
    // Errors span decades, shares and decibels do not.
    if (!m_info.higherIsBetter && *lowest > 0 && *highest / *lowest > 50)
        return {*lowest, *highest, true};
    if (*highest > *lowest)
        return {*lowest, *highest, false};
    return widenedToTicks({*lowest, *highest, false}, 3);
}

void SensitivityFigure::drawContent(Drawing &drawing, const Rect &area, const FigureTheme &theme) const {
    if (m_names.empty() || m_table->bits.empty())
        return drawEmptyState(drawing, area, "No layer was measured.", theme);
    constexpr double kHeader = 26, kGap = 24;
    const double labels = rowLabelWidth(drawing, m_names, area.width * 0.4);
    const Rect plot{area.left + labels + 10, area.top + kHeader,
                    area.width - labels - 10 - kGap - kColorBarWidth, area.height - kHeader};
    if (plot.empty())
        return;
    // The map runs from the background's lightness to its opposite as things get worse.
    const bool darkTheme = toLab(theme.background).lightness < 50;
    const ColorMap &heat = *findColorMap("heat");
    const ColorMap map = darkTheme == m_info.higherIsBetter ? reversed(heat) : heat;

    const double cellWidth = plot.width / static_cast<double>(m_table->bits.size());
    const double cellHeight = plot.height / static_cast<double>(m_names.size());
    for (std::size_t column = 0; column < m_table->bits.size(); ++column) {
        const double left = plot.left + static_cast<double>(column) * cellWidth;
        drawing.text({left + cellWidth / 2, plot.top - 9}, fmt::format("{} bit", m_table->bits[column]),
                     {12, theme.text, true, Align::Middle, Align::End});
        for (std::size_t row = 0; row < m_names.size(); ++row)
            drawCell(drawing, {left, plot.top + static_cast<double>(row) * cellHeight, cellWidth, cellHeight},
                     valueAt(row, column), map, theme);
    }
    drawRowLabels(drawing, plot, m_names, labels, theme);
    drawColorBar(drawing, {plot.right() + kGap, plot.top, kColorBarWidth, plot.height}, map, m_scale,
                 *m_info.unit ? fmt::format("{}, {}", m_info.name, m_info.unit) : m_info.name, theme);
}

void SensitivityFigure::drawCell(Drawing &drawing, const Rect &cell, std::optional<double> value,
                                 const ColorMap &map, const FigureTheme &theme) const {
    const double gap = cell.height >= 10 ? 1 : 0;
    const Rect inner{cell.left, cell.top, cell.width - gap, cell.height - gap};
    const Rgb color = value ? map.at(m_scale.position(*value)) : theme.nothing;
    drawing.fill(inner, color);
    if (cell.height < 11)
        return;
    const Rgb ink = toLab(color).lightness > 60 ? Rgb{20, 20, 24} : Rgb{250, 250, 250};
    drawing.text({inner.centerX(), inner.centerY()}, value ? text(*value) : "not measured",
                 {std::min(11.5, cell.height * 0.7), value ? ink : theme.faintText, false, Align::Middle,
                  Align::Middle});
}

Result<std::string> SensitivityFigure::csv(const RunContext & /*ctx*/) const {
    std::string text = fmt::format("layer,bits,{}\n", m_info.id);
    for (std::size_t row = 0; row < m_names.size(); ++row)
        for (std::size_t column = 0; column < m_table->bits.size(); ++column) {
            const auto value = valueAt(row, column);
            text += fmt::format("{},{},{}\n", csvField(m_names[row]), m_table->bits[column],
                                value ? fmt::format("{}", *value) : "");
        }
    return text;
}

} // namespace

std::unique_ptr<Figure> makeSensitivityFigure(std::shared_ptr<const Model> model,
                                              std::shared_ptr<const SensitivityTable> table, Metric metric) {
    return std::make_unique<SensitivityFigure>(std::move(model), std::move(table), metric);
}

} // namespace qs
