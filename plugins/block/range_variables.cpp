#include "plugins/block/range_variables.h"

#include "core/base/parallel.h"
#include "plugins/block/weight_truncation.h"

#include <algorithm>
#include <cmath>

namespace qs {
namespace {

double sigmoid(double x) {
    return 1 / (1 + std::exp(-x));
}

} // namespace

/// Ranges are those that the host's grids cover: they follow its range rule.
RangeVariables::RangeVariables(const SolverLayer &layer, double startLogit)
    : m_layer(layer), m_logits(2 * layer.scales.size(), static_cast<float>(startLogit)),
      m_solved(SolvedLayer::nearest(layer)), m_weights(layer.size()), m_adam(m_logits.size()) {
    for (std::size_t slice = 0; slice < layer.scales.size(); ++slice) {
        const double scale = layer.scales[slice];
        m_low.push_back(isAsymmetric() ? scale * (layer.lowest - layer.zeroPoints[slice]) : -scale * steps());
        m_high.push_back(isAsymmetric() ? scale * (layer.highest - layer.zeroPoints[slice])
                                        : scale * steps());
    }
}

/// How many scales the range is wide; of a symmetric grid, half of the range. S1: 2^b - 1 codes for both
/// halves.
double RangeVariables::steps() const {
    const double codes = m_layer.highest - m_layer.lowest;
    switch (m_layer.convention) {
    case GridConvention::Asymmetric:
        return codes;
    case GridConvention::SymmetricOffset:
        return codes / 2;
    case GridConvention::SymmetricRestricted:
        return m_layer.highest;
    case GridConvention::SymmetricFull:
        return -m_layer.lowest;
    }
    return codes;
}

void RangeVariables::quantize(int maxThreads) {
    for (std::size_t slice = 0; slice < m_low.size(); ++slice) {
        const double high = sigmoid(m_logits[2 * slice]) * m_high[slice];
        const double low = isAsymmetric() ? sigmoid(m_logits[2 * slice + 1]) * m_low[slice] : -high;
        const ScaleZero grid = gridOfRange(m_layer, low, high);
        m_solved.scales[slice] = grid.scale;
        m_solved.zeroPoints[slice] = grid.zeroPoint;
    }
    [[maybe_unused]] const Status done = parallelFor(
        m_layer.rows, 16, RunContext{{}, nullptr, maxThreads}, [this](std::int64_t begin, std::int64_t end) {
            for (auto i = static_cast<std::size_t>(begin * m_layer.cols);
                 i < static_cast<std::size_t>(end * m_layer.cols); ++i) {
                const std::size_t slice = m_layer.sliceOf(i);
                const ScaleZero grid{m_solved.scales[slice], m_solved.zeroPoints[slice]};
                const std::int32_t code = quantizeValue(
                    m_layer.weights[i], grid, {m_layer.lowest, m_layer.highest}, RoundingMode::HalfEven);
                m_solved.codes[i] = static_cast<std::int16_t>(code);
                m_weights[i] = dequantizeValue(code, grid);
            }
        });
}

/// Inside the range a weight moves with the scale by its rounding error in codes; one at an end moves with
/// that end.
std::vector<RangeVariables::Slopes> RangeVariables::slopes(const std::vector<float> &gradient) const {
    std::vector<Slopes> slopes(m_low.size());
    for (std::size_t i = 0; i < m_weights.size(); ++i) {
        const std::size_t slice = m_layer.sliceOf(i);
        const double ratio = static_cast<double>(m_layer.weights[i]) / m_solved.scales[slice];
        const double rounded = std::nearbyint(ratio), code = rounded + m_solved.zeroPoints[slice];
        const bool above = code > m_layer.highest, below = code < m_layer.lowest;
        if (!isAsymmetric()) {
            const double byScale =
                above || below ? m_solved.codes[i] - m_solved.zeroPoints[slice] : rounded - ratio;
            slopes[slice].high += gradient[i] * byScale / steps();
        } else if (above) {
            slopes[slice].high += gradient[i];
        } else if (below) {
            slopes[slice].low += gradient[i];
        } else {
            const double byScale = (rounded - ratio) / steps();
            slopes[slice].high += gradient[i] * byScale;
            slopes[slice].low -= gradient[i] * byScale;
        }
    }
    return slopes;
}

void RangeVariables::step(const std::vector<float> &gradient, double learningRate) {
    const std::vector<Slopes> byEnd = slopes(gradient);
    m_adam.nextStep();
    const auto move = [&](std::size_t i, double slope) {
        const double factor = sigmoid(m_logits[i]);
        const auto byLogit = static_cast<float>(slope * factor * (1 - factor));
        // Weights beyond 1e18 let the squared error overflow: such a slice keeps its range.
        if (std::isfinite(byLogit * byLogit))
            m_logits[i] += static_cast<float>(learningRate) * m_adam.change(i, byLogit);
    };
    for (std::size_t slice = 0; slice < byEnd.size(); ++slice) {
        move(2 * slice, byEnd[slice].high * m_high[slice]);
        if (isAsymmetric())
            move(2 * slice + 1, byEnd[slice].low * m_low[slice]);
    }
}

} // namespace qs
