#include "core/figure/outlier_figure.h"

#include "core/base/number_text.h"
#include "core/figure/figure_parts.h"
#include "core/figure/heat_map.h"
#include "core/tensor/outlier_score.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace qs {
namespace {

const ColorMap &magnitudeMap() {
    return *findColorMap("heat");
}

/// Pixels of an image that fills the rectangle, no finer than the picture itself.
int pixelsAcross(double length, const Drawing &drawing) {
    return std::max(1, static_cast<int>(std::lround(length * std::max(2.0, drawing.scale()))));
}

class LayerChannelFigure final : public Figure {
public:
    LayerChannelFigure(std::vector<ChannelMagnitudes> rows, std::string what)
        : m_rows(std::move(rows)), m_what(std::move(what)) {
        std::vector<float> all;
        for (const ChannelMagnitudes &row : m_rows) {
            m_names.push_back(row.layer);
            m_channels = std::max(m_channels, row.values.size());
            all.insert(all.end(), row.values.begin(), row.values.end());
        }
        m_scale = magnitudeScale(all);
    }
    std::string title() const override { return "Outlier map: layer × channel"; }
    std::string subtitle() const override {
        return fmt::format(
            "Largest |{}| of every channel. Colours start at {}; smaller values share the darkest one. "
            "Right: largest ÷ median channel of the layer.",
            m_what, significant(m_scale.lo, 2));
    }
    FigureSize preferredSize() const override {
        return {1200, std::clamp(static_cast<int>(m_rows.size()) * 20 + 190, 360, 8000)};
    }
    Result<std::string> csv(const RunContext &ctx) const override;
    void drawContent(Drawing &drawing, const Rect &area, const FigureTheme &theme) const override;

private:
    void drawRow(Drawing &drawing, const Rect &place, const ChannelMagnitudes &row) const;
    void drawScores(Drawing &drawing, const Rect &plot, const FigureTheme &theme) const;

    std::vector<ChannelMagnitudes> m_rows;
    std::vector<std::string> m_names;
    std::string m_what;
    std::size_t m_channels = 0;
    AxisScale m_scale;
};

void LayerChannelFigure::drawContent(Drawing &drawing, const Rect &area, const FigureTheme &theme) const {
    if (m_rows.empty() || m_channels == 0)
        return drawEmptyState(drawing, area, "No layer has magnitudes: calibrate first.", theme);
    constexpr double kScores = 66, kGap = 22;
    const double labels = rowLabelWidth(drawing, m_names, area.width * 0.3);
    const Rect plot{area.left + labels + 10, area.top,
                    area.width - labels - 10 - kScores - kGap - kColorBarWidth,
                    area.height - kHorizontalAxisHeight};
    if (plot.empty())
        return;
    drawHorizontalAxis(drawing, plot, {0, static_cast<double>(m_channels), false}, "channel", theme);
    drawing.fill(plot, theme.nothing);
    const double rowHeight = plot.height / static_cast<double>(m_rows.size());
    for (std::size_t i = 0; i < m_rows.size(); ++i) {
        const double width =
            plot.width * static_cast<double>(m_rows[i].values.size()) / static_cast<double>(m_channels);
        const double gap = rowHeight >= 8 ? 1 : 0; // a hairline keeps neighbours apart while rows are tall
        drawRow(drawing, {plot.left, plot.top + static_cast<double>(i) * rowHeight, width, rowHeight - gap},
                m_rows[i]);
    }
    drawRowLabels(drawing, plot, m_names, labels, theme);
    drawScores(drawing, plot, theme);
    drawColorBar(drawing, {plot.right() + kScores + kGap, plot.top, kColorBarWidth, plot.height},
                 magnitudeMap(), m_scale, "largest magnitude, units of the " + m_what, theme);
}

void LayerChannelFigure::drawRow(Drawing &drawing, const Rect &place, const ChannelMagnitudes &row) const {
    const auto channels = static_cast<std::int64_t>(row.values.size());
    const int width = std::min(pixelsAcross(place.width, drawing),
                               static_cast<int>(std::min<std::int64_t>(channels, 1 << 20)));
    drawing.image(place, heatMapPixels({row.values.data(), 1, channels}, width, 1, magnitudeMap(), m_scale));
}

void LayerChannelFigure::drawScores(Drawing &drawing, const Rect &plot, const FigureTheme &theme) const {
    const double rowHeight = plot.height / static_cast<double>(m_rows.size());
    if (rowHeight < 9)
        return;
    for (std::size_t i = 0; i < m_rows.size(); ++i) {
        const double score = outlierScore(m_rows[i].values);
        const bool outlier = score > kOutlierThreshold;
        const TextStyle style{std::clamp(rowHeight * 0.75, 9.0, 11.5),
                              outlier ? theme.second : theme.faintText, outlier, Align::End, Align::Middle};
        drawing.text(
            {plot.right() + 58, plot.top + (static_cast<double>(i) + 0.5) * rowHeight},
            score > 0 ? fmt::format("×{}", score < 100 ? significant(score, 2) : fmt::format("{:.0f}", score))
                      : "–",
            style);
    }
}

class TokenChannelFigure final : public Figure {
public:
    TokenChannelFigure(const Layer &layer, std::shared_ptr<const LayerCapture> capture)
        : m_layer(layer.name), m_capture(std::move(capture)) {
        if (m_capture->sample.empty())
            return;
        const auto values = m_capture->sample.values<float>();
        m_scale = magnitudeScale(values);
        m_values = {values.data(), m_capture->sample.shape()[0], m_capture->sample.shape()[1]};
    }
    std::string title() const override { return "Outlier map: token × channel of " + m_layer; }
    std::string subtitle() const override {
        return fmt::format(
            "|input activation| of the first {} of {} calibration tokens. Colours start at {}; smaller "
            "values share the darkest one. Marks on top: channels above {} medians.",
            withThousands(m_values.rows), withThousands(m_capture->tokens), significant(m_scale.lo, 2),
            kOutlierThreshold);
    }
    Result<std::string> csv(const RunContext &ctx) const override;
    void drawContent(Drawing &drawing, const Rect &area, const FigureTheme &theme) const override;

private:
    void drawOutlierMarks(Drawing &drawing, const Rect &plot, const FigureTheme &theme) const;

    std::string m_layer;
    std::shared_ptr<const LayerCapture> m_capture;
    MatrixView<const float> m_values;
    AxisScale m_scale;
};

void TokenChannelFigure::drawContent(Drawing &drawing, const Rect &area, const FigureTheme &theme) const {
    if (m_values.size() == 0)
        return drawEmptyState(drawing, area, "Calibration kept no tokens of this layer.", theme);
    const AxisScale tokens{static_cast<double>(m_values.rows), 0, false};
    const double axis = verticalAxisWidth(drawing, tokens, area.height);
    const Rect plot{area.left + axis, area.top + 10, area.width - axis - 22 - kColorBarWidth,
                    area.height - kHorizontalAxisHeight - 10};
    if (plot.empty())
        return;
    const int width = std::min<std::int64_t>(pixelsAcross(plot.width, drawing), m_values.cols);
    const int height = std::min<std::int64_t>(pixelsAcross(plot.height, drawing), m_values.rows);
    drawVerticalAxis(drawing, plot, tokens, "token", theme);
    drawHorizontalAxis(drawing, plot, {0, static_cast<double>(m_values.cols), false}, "channel", theme);
    drawing.image(plot, heatMapPixels(m_values, width, height, magnitudeMap(), m_scale));
    drawOutlierMarks(drawing, plot, theme);
    drawColorBar(drawing, {plot.right() + 22, plot.top, kColorBarWidth, plot.height}, magnitudeMap(), m_scale,
                 "magnitude, units of the activation", theme);
}

void TokenChannelFigure::drawOutlierMarks(Drawing &drawing, const Rect &plot,
                                          const FigureTheme &theme) const {
    std::vector<float> magnitudes(static_cast<std::size_t>(m_values.cols), 0.0f);
    for (std::int64_t token = 0; token < m_values.rows; ++token)
        for (std::int64_t channel = 0; channel < m_values.cols; ++channel) {
            float &largest = magnitudes[static_cast<std::size_t>(channel)];
            largest = std::max(largest, std::abs(m_values(token, channel)));
        }
    const double worst = *std::max_element(magnitudes.begin(), magnitudes.end());
    const double score = outlierScore(magnitudes);
    for (std::size_t channel = 0; score > 0 && channel < magnitudes.size(); ++channel) {
        if (magnitudes[channel] * score <= kOutlierThreshold * worst)
            continue;
        const double x = plot.left + (static_cast<double>(channel) + 0.5) * plot.width /
                                         static_cast<double>(m_values.cols);
        const Point triangle[] = {{x - 4, plot.top - 9}, {x + 4, plot.top - 9}, {x, plot.top - 2}};
        drawing.fill(triangle, theme.second);
    }
}

Result<std::string> LayerChannelFigure::csv(const RunContext &ctx) const {
    std::string text = "layer,channel,largest magnitude\n";
    for (const ChannelMagnitudes &row : m_rows) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        for (std::size_t channel = 0; channel < row.values.size(); ++channel)
            text += fmt::format("{},{},{}\n", csvField(row.layer), channel, row.values[channel]);
    }
    return text;
}

Result<std::string> TokenChannelFigure::csv(const RunContext &ctx) const {
    std::string text = "token,channel,value\n";
    for (std::int64_t token = 0; token < m_values.rows; ++token) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        for (std::int64_t channel = 0; channel < m_values.cols; ++channel)
            text += fmt::format("{},{},{}\n", token, channel, m_values(token, channel));
    }
    return text;
}

} // namespace

std::unique_ptr<Figure> makeLayerChannelFigure(std::vector<ChannelMagnitudes> rows, std::string what) {
    return std::make_unique<LayerChannelFigure>(std::move(rows), std::move(what));
}

std::vector<ChannelMagnitudes> activationMagnitudes(const Model &model, const Capture &capture) {
    std::vector<ChannelMagnitudes> rows;
    for (const auto &layer : capture.layers)
        if (layer)
            rows.push_back(
                {model.layers[static_cast<std::size_t>(layer->layer)].name, channelMagnitudes(*layer)});
    return rows;
}

std::vector<ChannelMagnitudes> weightMagnitudes(const Model &model,
                                                const std::vector<WeightSurvey> &surveys) {
    std::vector<ChannelMagnitudes> rows;
    for (const WeightSurvey &survey : surveys)
        rows.push_back({model.layers[static_cast<std::size_t>(survey.layer)].name, survey.channelMagnitudes});
    return rows;
}

std::unique_ptr<Figure> makeTokenChannelFigure(const Layer &layer,
                                               std::shared_ptr<const LayerCapture> capture) {
    return std::make_unique<TokenChannelFigure>(layer, std::move(capture));
}

} // namespace qs
