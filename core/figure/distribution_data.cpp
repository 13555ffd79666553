#include "core/figure/distribution_figure.h"

#include "core/base/number_text.h"
#include "core/metrics/error_metrics.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace qs {
namespace {

/// Bars over [lo, hi] and a little more, as many as `values` values can fill.
Bars emptyBars(double lo, double hi, std::int64_t values) {
    const double span = hi > lo ? hi - lo : lo == 0 ? 1.0 : std::abs(lo);
    const double margin = hi > lo ? 0.02 * span : 0.5 * span;
    const auto bars =
        static_cast<std::size_t>(std::clamp(4 * std::cbrt(static_cast<double>(values)), 40.0, 200.0));
    return {lo - margin, (hi - lo + 2 * margin) / static_cast<double>(bars), std::vector<double>(bars, 0.0)};
}

Bars emptied(Bars bars) {
    std::fill(bars.counts.begin(), bars.counts.end(), 0.0);
    return bars;
}

void add(Bars &bars, double value, double count = 1) {
    const double position = (value - bars.lo) / bars.width;
    if (!std::isfinite(position))
        return;
    const double last = static_cast<double>(bars.counts.size() - 1);
    bars.counts[static_cast<std::size_t>(std::clamp(position, 0.0, last))] += count;
}

std::string schemeText(int bits, GridConvention convention, std::string_view granularity) {
    return fmt::format("{} bit, {}, per {}", bits, gridConventionName(convention), granularity);
}

std::vector<double> pointsOf(ScaleZero grid, CodeRange range) {
    std::vector<double> points;
    for (std::int32_t code = range.lowest; code <= range.highest; ++code)
        points.push_back(dequantizeValue(code, grid));
    return points;
}

/// Smallest and largest finite value of both; {0, 0} when there is none.
ValueRange rangeOf(std::span<const float> a, std::span<const float> b) {
    ValueRange range{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
    for (const auto values : {a, b})
        for (const float value : values)
            if (std::isfinite(value)) {
                range.lo = std::min<double>(range.lo, value);
                range.hi = std::max<double>(range.hi, value);
            }
    return range.lo <= range.hi ? range : ValueRange{};
}

/// Adds what is known about the quantized weight: overlay, error, grid.
void addQuantized(Distribution &result, std::span<const float> reference, std::span<const float> values,
                  const QuantizedMatrix &quantized, std::int64_t channel) {
    result.quantized = emptied(result.reference);
    for (const float value : values)
        add(*result.quantized, value);
    ErrorMetrics error;
    error.add(reference, values);
    result.subtitle += fmt::format(
        ". Quantized: {}; SQNR {:.1f} dB",
        schemeText(quantized.bits, quantized.convention, granularityName(quantized.layout.granularity)),
        error.sqnrDb());
    const std::int64_t grids = channel < 0 ? quantized.layout.slices() : quantized.layout.groupsPerRow();
    if (grids == 1) {
        const std::int64_t row = std::max<std::int64_t>(channel, 0);
        result.gridPoints = pointsOf(quantized.grid(row, 0), codeRange(quantized.bits, quantized.convention));
    } else {
        result.subtitle += fmt::format("; {} grids, so no grid points", withThousands(grids));
    }
}

} // namespace

Result<Distribution> weightDistribution(const Model &model, const Layer &layer,
                                        const QuantizedMatrix *quantized, std::int64_t channel) {
    if (channel >= layer.outChannels)
        return fail(
            ErrorCode::NotFound,
            fmt::format("has no output channel {}; they count from 0 to {}", channel, layer.outChannels - 1),
            layer.name);
    QS_TRY(const Tensor weight, weightMatrix(layer, model.graph));
    const auto slice = [&](const Tensor &matrix) {
        const auto all = matrix.values<float>();
        const auto cols = static_cast<std::size_t>(layer.inPerOut);
        return channel < 0 ? all : all.subspan(static_cast<std::size_t>(channel) * cols, cols);
    };
    const Tensor other = quantized ? quantized->dequantize() : Tensor();
    const auto reference = slice(weight);
    const auto values = quantized ? slice(other) : std::span<const float>();

    Distribution result;
    result.title = channel < 0 ? fmt::format("Weight of {}", layer.name)
                               : fmt::format("Weight of {}, output channel {}", layer.name, channel);
    result.subtitle = fmt::format("{} values", withThousands(static_cast<std::int64_t>(reference.size())));
    result.valueName = "weight";
    const ValueRange range = rangeOf(reference, values);
    result.reference = emptyBars(range.lo, range.hi, static_cast<std::int64_t>(reference.size()));
    for (const float value : reference)
        add(result.reference, value);
    if (quantized)
        addQuantized(result, reference, values, *quantized, channel);
    return result;
}

Distribution activationDistribution(const Layer &layer, const LayerCapture &capture,
                                    const std::optional<GridScheme> &scheme) {
    const Histogram &histogram = capture.histogram;
    Distribution result;
    result.title = fmt::format("Input activation of {}", layer.name);
    result.subtitle = fmt::format("{} values of {} calibration tokens", withThousands(capture.stats.count),
                                  withThousands(capture.tokens));
    result.valueName = "activation";
    result.reference = emptyBars(capture.stats.min, capture.stats.max, capture.stats.count);
    for (int bin = 0; bin < histogram.bins(); ++bin)
        add(result.reference, histogram.binCenter(bin),
            static_cast<double>(histogram.counts()[static_cast<std::size_t>(bin)]));
    if (!scheme)
        return result;
    const ScaleZero grid = activationGrid(capture, *scheme);
    const CodeRange codes = codeRange(scheme->bits, scheme->convention);
    result.gridPoints = pointsOf(grid, codes);
    result.covered = ValueRange{result.gridPoints.front(), result.gridPoints.back()};
    result.subtitle +=
        fmt::format(". Grid: {}, range by {}", schemeText(scheme->bits, scheme->convention, "tensor"),
                    rangeRuleName(scheme->rule.kind));
    result.quantized = emptied(result.reference);
    for (int bin = 0; bin < histogram.bins(); ++bin) {
        const auto value = static_cast<float>(histogram.binCenter(bin));
        add(*result.quantized, dequantizeValue(quantizeValue(value, grid, codes, scheme->rounding), grid),
            static_cast<double>(histogram.counts()[static_cast<std::size_t>(bin)]));
    }
    return result;
}

} // namespace qs
