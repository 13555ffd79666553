#include "core/figure/tensor_figure.h"

#include "core/base/number_text.h"
#include "core/figure/figure_parts.h"
#include "core/figure/heat_map.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace qs {
namespace {

constexpr double kGap = 22;
constexpr double kBorderDistance = 6; ///< pixels between group borders, at least

/// A matrix reduced to what a picture can show.
struct Reduced {
    std::vector<float> values;
    std::int64_t rows = 0, cols = 0;
};

/// Joins what falls on one dot: the value of largest magnitude (NaN wins), or the mean.
class DotFold {
public:
    explicit DotFold(bool takesMean) : m_takesMean(takesMean) {}
    void add(float value) {
        m_sum += static_cast<double>(value);
        ++m_count;
        if (m_count == 1 || std::isnan(value) || std::abs(value) > std::abs(m_extreme))
            m_extreme = std::isnan(m_extreme) ? m_extreme : value;
    }
    float value() const {
        return m_takesMean ? static_cast<float>(m_sum / static_cast<double>(m_count)) : m_extreme;
    }

private:
    bool m_takesMean;
    float m_extreme = 0;
    double m_sum = 0;
    std::int64_t m_count = 0;
};

Reduced reduce(const MatrixSource &src, std::int64_t mostRows, std::int64_t mostCols, bool takesMean) {
    Reduced dst{{}, std::min(src.rows(), mostRows), std::min(src.cols(), mostCols)};
    std::vector<float> row(static_cast<std::size_t>(src.cols()));
    for (std::int64_t r = 0; r < dst.rows; ++r) {
        std::vector<DotFold> folds(static_cast<std::size_t>(dst.cols), DotFold(takesMean));
        for (std::int64_t s = r * src.rows() / dst.rows; s < (r + 1) * src.rows() / dst.rows; ++s) {
            src.read(s, 0, row);
            for (std::int64_t c = 0; c < src.cols(); ++c)
                folds[static_cast<std::size_t>(c * dst.cols / src.cols())].add(
                    row[static_cast<std::size_t>(c)]);
        }
        for (const DotFold &fold : folds)
            dst.values.push_back(fold.value());
    }
    return dst;
}

struct Extent {
    float largest = 0; ///< |finite value|
    std::int64_t notFinite = 0;
};

Extent extentOf(const MatrixSource &src) {
    Extent extent;
    std::vector<float> row(static_cast<std::size_t>(src.cols()));
    for (std::int64_t r = 0; r < src.rows(); ++r) {
        src.read(r, 0, row);
        for (const float value : row)
            if (std::isfinite(value))
                extent.largest = std::max(extent.largest, std::abs(value));
            else
                ++extent.notFinite;
    }
    return extent;
}

class TensorFigure final : public Figure {
public:
    TensorFigure(const Layer &layer, WeightAspect aspect, Tensor weights,
                 std::shared_ptr<const QuantizedMatrix> matrix);

    std::string title() const override;
    std::string subtitle() const override;
    FigureSize preferredSize() const override { return {1200, 800}; }
    void drawContent(Drawing &drawing, const Rect &area, const FigureTheme &theme) const override;

private:
    const ColorMap &map() const {
        return *findColorMap(m_aspect == WeightAspect::Codes ? "sequential" : "diverging");
    }
    std::string unit() const;
    void drawBorders(Drawing &drawing, const Rect &plot, const FigureTheme &theme) const;

    Layer m_layer;
    WeightAspect m_aspect;
    std::shared_ptr<const QuantizedMatrix> m_matrix;
    std::shared_ptr<const MatrixSource> m_values;
    AxisScale m_scale; ///< of the colours
    std::int64_t m_notFinite = 0;
};

TensorFigure::TensorFigure(const Layer &layer, WeightAspect aspect, Tensor weights,
                           std::shared_ptr<const QuantizedMatrix> matrix)
    : m_layer(layer), m_aspect(aspect), m_matrix(std::move(matrix)),
      m_values(aspectSource(aspect, weights, m_matrix)) {
    if (aspect == WeightAspect::Codes) {
        const CodeRange range = codeRange(m_matrix->bits, m_matrix->convention);
        m_scale = {range.lowest - 0.5, range.highest + 0.5, false};
        return;
    }
    const Extent own = extentOf(*m_values);
    double largest = static_cast<double>(own.largest);
    m_notFinite = own.notFinite;
    if (m_matrix && aspect != WeightAspect::Error) // the scale of both
        for (const WeightAspect other : {WeightAspect::Weight, WeightAspect::Dequantized})
            largest = std::max<double>(largest, extentOf(*aspectSource(other, weights, m_matrix)).largest);
    largest = largest > 0 ? largest : 1;
    m_scale = {-largest, largest, false};
}

std::string TensorFigure::title() const {
    switch (m_aspect) {
    case WeightAspect::Weight:
        return "Weight of " + m_layer.name;
    case WeightAspect::Codes:
        return "Codes of " + m_layer.name;
    case WeightAspect::Dequantized:
        return "Dequantized weight of " + m_layer.name;
    case WeightAspect::Error:
        return "Error of the weight of " + m_layer.name;
    }
    return m_layer.name;
}

std::string TensorFigure::subtitle() const {
    std::string text = fmt::format("{} outputs × {} inputs", withThousands(m_values->rows()),
                                   withThousands(m_values->cols()));
    if (m_matrix)
        text += ", " + gridText(*m_matrix);
    text += m_aspect == WeightAspect::Error ? ". Dequantized − weight." : ".";
    if (m_matrix && (m_aspect == WeightAspect::Weight || m_aspect == WeightAspect::Dequantized))
        text += " Weight and dequantized share one colour scale.";
    text += m_aspect == WeightAspect::Codes
                ? "\nWhere several codes fall on one dot it shows their mean."
                : "\nWhere several values fall on one dot it shows the one of largest magnitude.";
    return text;
}

std::string TensorFigure::unit() const {
    return m_aspect == WeightAspect::Codes ? "code" : "weight units";
}

void TensorFigure::drawContent(Drawing &drawing, const Rect &area, const FigureTheme &theme) const {
    if (m_values->size() == 0)
        return drawEmptyState(drawing, area, "This weight has no elements.", theme);
    const AxisScale rows{static_cast<double>(m_values->rows()), 0, false};
    const AxisScale cols{0, static_cast<double>(m_values->cols()), false};
    const double axis = verticalAxisWidth(drawing, rows, area.height);
    double top = area.top;
    if (m_notFinite > 0) {
        const LegendEntry legend{fmt::format("NaN or Inf: {}", withThousands(m_notFinite)), kNotANumberColor,
                                 LegendEntry::Mark::Area};
        top += drawLegend(drawing, area, {&legend, 1}, theme);
    }
    const Rect plot{area.left + axis, top, area.width - axis - kGap - kColorBarWidth,
                    area.bottom() - top - kHorizontalAxisHeight};
    if (plot.empty())
        return;
    const double finer = std::max(2.0, drawing.scale());
    const bool isCodes = m_aspect == WeightAspect::Codes;
    Reduced dots =
        reduce(*m_values, std::lround(plot.height * finer), std::lround(plot.width * finer), isCodes);
    AxisScale scale = m_scale;
    if (isCodes) { // heatMapPixels() takes magnitudes where the map has no middle
        for (float &value : dots.values)
            value -= static_cast<float>(m_scale.lo);
        scale = {0, m_scale.hi - m_scale.lo, false};
    }
    drawVerticalAxis(drawing, plot, rows, m_layer.kind == LayerKind::Embedding ? "entry" : "output", theme);
    drawHorizontalAxis(drawing, plot, cols, "input", theme);
    drawing.image(plot, heatMapPixels({dots.values.data(), dots.rows, dots.cols}, static_cast<int>(dots.cols),
                                      static_cast<int>(dots.rows), map(), scale));
    drawBorders(drawing, plot, theme);
    drawing.frame(plot, {theme.axis, 1});
    drawColorBar(drawing, {plot.right() + kGap, plot.top, kColorBarWidth, plot.height}, map(), m_scale,
                 unit(), theme);
}

void TensorFigure::drawBorders(Drawing &drawing, const Rect &plot, const FigureTheme &theme) const {
    if (!m_matrix || m_matrix->layout.granularity != Granularity::PerGroup ||
        !m_matrix->groupOfColumn.empty())
        return;
    const double step =
        plot.width * static_cast<double>(m_matrix->layout.groupSize) / static_cast<double>(m_matrix->cols);
    if (step < kBorderDistance)
        return;
    for (double x = plot.left + step; x < plot.right() - 0.5; x += step)
        drawing.line({x, plot.top}, {x, plot.bottom()}, {theme.text, 1, 0.5});
}

} // namespace

std::unique_ptr<Figure> makeTensorFigure(const Layer &layer, WeightAspect aspect, Tensor weights,
                                         std::shared_ptr<const QuantizedMatrix> matrix) {
    return std::make_unique<TensorFigure>(layer, aspect, std::move(weights), std::move(matrix));
}

std::string gridText(const QuantizedMatrix &matrix) {
    std::string text = fmt::format("int{} {}, per {}", matrix.bits, gridConventionName(matrix.convention),
                                   granularityName(matrix.layout.granularity));
    if (matrix.layout.granularity == Granularity::PerGroup)
        text += fmt::format(" of {}{}", matrix.layout.groupSize,
                            matrix.groupOfColumn.empty() ? "" : ", columns reordered");
    return text;
}

} // namespace qs
