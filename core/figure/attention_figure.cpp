#include "core/figure/attention_figure.h"

#include "core/base/number_text.h"
#include "core/figure/figure_parts.h"
#include "core/figure/heat_map.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace qs {
namespace {

/// One line of the grid: a layer under one model, or the difference of both.
struct GridRow {
    std::string label, name; ///< the name says which layer also where the label does not
    bool isDifference = false;
    std::vector<const Tensor *> maps; ///< by head
};

MatrixView<const float> viewOf(const Tensor &tensor) {
    return {tensor.values<float>().data(), tensor.shape()[0], tensor.shape()[1]};
}

class AttentionFigure final : public Figure {
public:
    AttentionFigure(std::shared_ptr<const AttentionSurvey> survey, int block)
        : m_survey(std::move(survey)), m_block(block) {
        for (const auto &layer : m_survey->layers)
            if (block < 0 || layer->block == static_cast<std::size_t>(block))
                addRows(*layer);
        m_scale = {std::max(m_highest, 1e-6) * 1e-3, std::max(m_highest, 1e-6), true};
        m_errorScale = {-std::max(m_largestError, 1e-6), std::max(m_largestError, 1e-6), false};
    }

    std::string title() const override {
        const auto &blocks = m_survey->attention->blocks;
        return m_block < 0 ? "Attention: layer × head"
                           : "Attention of " + blocks[static_cast<std::size_t>(m_block)].name;
    }
    std::string subtitle() const override {
        std::string text = fmt::format("Sample {}, {} queries (rows) × {} keys (columns) in each map.",
                                       m_survey->sample, withThousands(m_queries), withThousands(m_keys));
        if (m_survey->hasQuantized)
            text += "\nFloat and quantized share one colour scale; difference = quantized − float.";
        if (std::max(m_queries, m_keys) > kThumbnailSide)
            text += "\nEach dot is the largest of the entries that fall on it.";
        return text;
    }
    FigureSize preferredSize() const override {
        const auto heads = static_cast<int>(m_heads), rows = static_cast<int>(m_rows.size());
        const int cell = std::clamp(1000 / std::max(1, heads), 40, 190);
        return {std::clamp(heads * cell + 330, 640, 4000), std::clamp(rows * cell + 190, 360, 8000)};
    }
    Result<std::string> csv(const RunContext &ctx) const override;
    void drawContent(Drawing &drawing, const Rect &area, const FigureTheme &theme) const override;

private:
    void addRows(const AttentionLayer &layer) {
        const std::string &name = m_survey->attention->blocks[layer.block].name;
        const auto add = [&](const std::string &label, const std::string &what, bool isDifference,
                             Tensor AttentionHead::*map) {
            GridRow row{label, name + ", " + what, isDifference, {}};
            for (const AttentionHead &head : layer.heads)
                row.maps.push_back(&(head.*map));
            m_rows.push_back(std::move(row));
        };
        add(m_survey->hasQuantized ? name + ", float" : name, "float", false, &AttentionHead::thumbnail);
        if (m_survey->hasQuantized) {
            add("quantized", "quantized", false, &AttentionHead::quantizedThumbnail);
            add("difference", "difference", true, &AttentionHead::differenceThumbnail);
        }
        for (const AttentionHead &head : layer.heads) {
            m_highest =
                std::max({m_highest, head.reference.highest, head.quantized ? head.quantized->highest : 0});
            m_largestError = std::max(m_largestError, head.agreement ? head.agreement->maxAbsError : 0);
        }
        m_heads = std::max(m_heads, layer.heads.size());
        m_queries = std::max(m_queries, layer.queries);
        m_keys = std::max(m_keys, layer.keys);
    }
    void drawMap(Drawing &drawing, const Rect &cell, const Tensor &map, bool isDifference) const {
        const auto &shape = map.shape();
        drawing.image(cell, heatMapPixels(viewOf(map), static_cast<int>(shape[1]), static_cast<int>(shape[0]),
                                          isDifference ? differenceMap() : valueMap(),
                                          isDifference ? m_errorScale : m_scale));
    }
    void drawScales(Drawing &drawing, const Rect &area, const FigureTheme &theme) const;
    static const ColorMap &valueMap() { return *findColorMap("heat"); }
    static const ColorMap &differenceMap() { return *findColorMap("diverging"); }

    std::shared_ptr<const AttentionSurvey> m_survey;
    int m_block;
    std::vector<GridRow> m_rows;
    std::size_t m_heads = 0;
    std::int64_t m_queries = 0, m_keys = 0;
    double m_highest = 0, m_largestError = 0;
    AxisScale m_scale, m_errorScale;
};

void AttentionFigure::drawContent(Drawing &drawing, const Rect &area, const FigureTheme &theme) const {
    if (m_rows.empty())
        return drawEmptyState(drawing, area, "No attention was measured.", theme);
    std::vector<std::string> labels;
    for (const GridRow &row : m_rows)
        labels.push_back(row.label);
    constexpr double kHeader = 18, kGap = 5;
    const double width = rowLabelWidth(drawing, labels, area.width * 0.25);
    const Rect plot{area.left + width + 12, area.top + kHeader, area.width - width - 12 - 24 - kColorBarWidth,
                    area.height - kHeader};
    if (plot.empty())
        return;
    const double side =
        std::min(plot.width / static_cast<double>(m_heads), plot.height / static_cast<double>(m_rows.size()));
    const TextStyle heading{11.5, theme.faintText, false, Align::Middle, Align::End};
    for (std::size_t head = 0; head < m_heads; ++head)
        drawing.text({plot.left + (static_cast<double>(head) + 0.5) * side, plot.top - 5},
                     side > 46 ? fmt::format("head {}", head) : std::to_string(head), heading);
    for (std::size_t row = 0; row < m_rows.size(); ++row)
        for (std::size_t head = 0; head < m_rows[row].maps.size(); ++head)
            drawMap(drawing,
                    {plot.left + static_cast<double>(head) * side, plot.top + static_cast<double>(row) * side,
                     side - kGap, side - kGap},
                    *m_rows[row].maps[head], m_rows[row].isDifference);
    const Rect grid{plot.left, plot.top, plot.width, side * static_cast<double>(m_rows.size())};
    drawRowLabels(drawing, grid, labels, width, theme);
    drawScales(drawing,
               {plot.left + side * static_cast<double>(m_heads) + 18, plot.top, kColorBarWidth, plot.height},
               theme);
}

void AttentionFigure::drawScales(Drawing &drawing, const Rect &area, const FigureTheme &theme) const {
    const double height = std::min(m_survey->hasQuantized ? (area.height - 30) / 2 : area.height, 420.0);
    drawColorBar(drawing, {area.left, area.top, area.width, height}, valueMap(), m_scale,
                 "attention probability", theme);
    if (m_survey->hasQuantized)
        drawColorBar(drawing, {area.left, area.top + height + 30, area.width, height}, differenceMap(),
                     m_errorScale, "quantized − float", theme);
}

Result<std::string> AttentionFigure::csv(const RunContext &ctx) const {
    std::string text = "map,head,row,column,value\n";
    for (const GridRow &row : m_rows)
        for (std::size_t head = 0; head < row.maps.size(); ++head) {
            if (ctx.cancelled())
                return RunContext::cancelledError();
            if (row.maps[head]->empty())
                continue;
            const MatrixView<const float> map = viewOf(*row.maps[head]);
            for (std::int64_t y = 0; y < map.rows; ++y)
                for (std::int64_t x = 0; x < map.cols; ++x)
                    text += fmt::format("{},{},{},{},{}\n", csvField(row.name), head, y, x, map(y, x));
        }
    return text;
}

} // namespace

std::unique_ptr<Figure> makeAttentionFigure(std::shared_ptr<const AttentionSurvey> survey, int block) {
    return std::make_unique<AttentionFigure>(std::move(survey), block);
}

} // namespace qs
