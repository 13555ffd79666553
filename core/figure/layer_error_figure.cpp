#include "core/figure/layer_error_figure.h"

#include "core/base/number_text.h"
#include "core/figure/figure_parts.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace qs {
namespace {

std::string gridText(const LayerResult &result) {
    if (result.state == LayerResult::State::Failed)
        return "failed";
    if (!result.choice.weight || !result.quantized.weight)
        return "float";
    const QuantizedMatrix &weight = *result.quantized.weight;
    return fmt::format("{} {} bit, {:.2f} effective", result.choice.weight->method, weight.bits,
                       result.bits.effective());
}

class LayerErrorFigure final : public Figure {
public:
    explicit LayerErrorFigure(std::shared_ptr<const Run> run) : m_run(std::move(run)) {
        for (const auto &result : m_run->layers)
            m_names.push_back(result ? m_run->model->layers[static_cast<std::size_t>(result->layer)].name
                                     : "…");
    }
    std::string title() const override { return "Signal to quantization noise per layer"; }
    std::string subtitle() const override {
        return fmt::format("10·log₁₀(signal power ÷ error power), higher is better; 6 dB is one bit. "
                           "{:.2f} effective bits per weight on average.{}",
                           m_run->effectiveBits(), m_run->complete ? "" : " Partial.");
    }
    FigureSize preferredSize() const override {
        return {1200, std::clamp(static_cast<int>(m_names.size()) * 24 + 220, 360, 8000)};
    }
    Result<std::string> csv(const RunContext &ctx) const override;
    void drawContent(Drawing &drawing, const Rect &area, const FigureTheme &theme) const override;

private:
    AxisScale scale() const;
    void drawRow(Drawing &drawing, const Rect &plot, std::size_t index, const AxisScale &scale,
                 const FigureTheme &theme) const;

    std::shared_ptr<const Run> m_run;
    std::vector<std::string> m_names;
};

AxisScale LayerErrorFigure::scale() const {
    double lowest = 0, highest = 10;
    const auto include = [&](double decibel) {
        lowest = std::min(lowest, decibel);
        highest = std::max(highest, decibel);
    };
    for (const auto &result : m_run->layers) {
        if (!result)
            continue;
        if (result->weightError)
            include(result->weightError->sqnrDb());
        if (const auto output = result->outputSqnrDb(); output && std::isfinite(*output))
            include(*output);
    }
    return widenedToTicks({lowest, highest, false}, 8);
}

void LayerErrorFigure::drawContent(Drawing &drawing, const Rect &area, const FigureTheme &theme) const {
    if (m_names.empty())
        return drawEmptyState(drawing, area, "The model has no layer that can be quantized.", theme);
    const LegendEntry legend[] = {{"weight", theme.first, LegendEntry::Mark::Area},
                                  {"layer output", theme.second, LegendEntry::Mark::Area}};
    const double top = drawLegend(drawing, area, legend, theme) + 4;
    constexpr double kNotes = 170;
    const double labels = rowLabelWidth(drawing, m_names, area.width * 0.32);
    const Rect plot{area.left + labels + 10, area.top + top, area.width - labels - 10 - kNotes,
                    area.height - top - kHorizontalAxisHeight};
    if (plot.empty())
        return;
    const AxisScale axis = scale();
    drawHorizontalAxis(drawing, plot, axis, "SQNR, dB", theme);
    for (std::size_t i = 0; i < m_names.size(); ++i)
        drawRow(drawing, plot, i, axis, theme);
    drawRowLabels(drawing, plot, m_names, labels, theme);
}

void LayerErrorFigure::drawRow(Drawing &drawing, const Rect &plot, std::size_t index, const AxisScale &scale,
                               const FigureTheme &theme) const {
    const auto &result = m_run->layers[index];
    if (!result)
        return;
    const double height = plot.height / static_cast<double>(m_names.size());
    const double top = plot.top + static_cast<double>(index) * height;
    const double zero = plot.left + scale.position(0) * plot.width;
    const double bar = height * 0.36;
    const auto drawBar = [&](std::optional<double> decibel, double y, Rgb color) {
        if (!decibel)
            return;
        const double end = plot.left + std::clamp(scale.position(*decibel), 0.0, 1.0) * plot.width;
        drawing.fill(Rect{std::min(zero, end), y, std::abs(end - zero), bar}, color);
    };
    const bool quantized = result->state == LayerResult::State::Quantized;
    if (quantized) {
        drawBar(result->weightError ? std::optional(result->weightError->sqnrDb()) : std::nullopt,
                top + height * 0.13, theme.first);
        drawBar(result->outputSqnrDb(), top + height * 0.13 + bar, theme.second);
    }
    if (height >= 10)
        drawing.text(
            {plot.right() + 12, top + height / 2}, gridText(*result),
            {std::clamp(height * 0.5, 9.0, 11.0), theme.faintText, false, Align::Start, Align::Middle});
}

Result<std::string> LayerErrorFigure::csv(const RunContext & /*ctx*/) const {
    const auto number = [](std::optional<double> value) { return value ? fmt::format("{}", *value) : ""; };
    std::string text = "layer,weight SQNR dB,output SQNR dB,effective bits\n";
    for (std::size_t i = 0; i < m_names.size(); ++i)
        if (const auto &result = m_run->layers[i])
            text += fmt::format("{},{},{},{}\n", csvField(m_names[i]), number(result->weightSqnrDb()),
                                number(result->outputSqnrDb()), result->bits.effective());
    return text;
}

} // namespace

std::unique_ptr<Figure> makeLayerErrorFigure(std::shared_ptr<const Run> run) {
    return std::make_unique<LayerErrorFigure>(std::move(run));
}

} // namespace qs
