#include "plugins/block/rounding_variables.h"

#include "core/base/parallel.h"

#include <algorithm>

namespace qs {
namespace {

constexpr std::int64_t kGrain = 16384;

/// body(begin, end) over all elements, in parallel.
template <typename Body>
void forEachBlock(std::size_t count, int maxThreads, const Body &body) {
    // Nothing can cancel it: a step takes milliseconds.
    [[maybe_unused]] const Status done =
        parallelFor(static_cast<std::int64_t>(count), kGrain, RunContext{{}, nullptr, maxThreads},
                    [&](std::int64_t begin, std::int64_t end) {
                        body(static_cast<std::size_t>(begin), static_cast<std::size_t>(end));
                    });
}

float sigmoid(float x) {
    return 1 / (1 + std::exp(-x));
}

} // namespace

float RectifiedSigmoid::value(float variable) {
    return std::min(std::max(sigmoid(variable) * (kZeta - kGamma) + kGamma, 0.0f), 1.0f);
}

float RectifiedSigmoid::slope(float variable) {
    const float s = sigmoid(variable), stretched = s * (kZeta - kGamma) + kGamma;
    return stretched > 0 && stretched < 1 ? s * (1 - s) * (kZeta - kGamma) : 0.0f;
}

float RectifiedSigmoid::inverse(float share) {
    return -std::log((kZeta - kGamma) / (share - kGamma) - 1);
}

double RoundingRegularizer::value(float share, double beta) {
    return 1 - std::pow(std::abs(2.0 * share - 1), beta);
}

float RoundingRegularizer::slope(float share, float beta) {
    const float centred = 2 * share - 1, size = 2 * beta * std::pow(std::abs(centred), beta - 1);
    return centred > 0 ? -size : size;
}

RoundingVariables::RoundingVariables(const SolverLayer &layer)
    : m_layer(layer), m_variables(layer.size()), m_floor(layer.size()), m_scale(layer.size()),
      m_zeroPoint(layer.size()), m_soft(layer.size()), m_adam(layer.size()) {
    for (std::int64_t row = 0; row < layer.rows; ++row)
        for (std::int64_t col = 0; col < layer.cols; ++col) {
            const auto i = static_cast<std::size_t>(row * layer.cols + col);
            const std::size_t slice = layer.slice(row, col);
            const double ratio = static_cast<double>(layer.weights[i]) / layer.scales[slice];
            const double below = std::floor(ratio);
            m_scale[i] = layer.scales[slice];
            m_zeroPoint[i] = static_cast<float>(layer.zeroPoints[slice]);
            m_floor[i] = static_cast<float>(below + layer.zeroPoints[slice]);
            m_variables[i] = RectifiedSigmoid::inverse(static_cast<float>(ratio - below));
        }
}

const std::vector<float> &RoundingVariables::softWeights(int maxThreads) {
    const auto lowest = static_cast<float>(m_layer.lowest), highest = static_cast<float>(m_layer.highest);
    const float *variables = m_variables.data(), *floor = m_floor.data(), *scale = m_scale.data(),
                *zeroPoint = m_zeroPoint.data();
    float *soft = m_soft.data();
    forEachBlock(m_soft.size(), maxThreads, [=](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
            const float code = floor[i] + RectifiedSigmoid::value(variables[i]);
            soft[i] = scale[i] * (std::min(std::max(code, lowest), highest) - zeroPoint[i]);
        }
    });
    return m_soft;
}

void RoundingVariables::step(const std::vector<float> &gradient, double lambda, double beta,
                             double learningRate, int maxThreads) {
    m_adam.nextStep();
    const auto lowest = static_cast<float>(m_layer.lowest), highest = static_cast<float>(m_layer.highest);
    const auto cost = static_cast<float>(lambda), exponent = static_cast<float>(beta),
               rate = static_cast<float>(learningRate);
    const float *above = gradient.data(), *floor = m_floor.data(), *scale = m_scale.data();
    float *variables = m_variables.data();
    forEachBlock(m_variables.size(), maxThreads, [=, this](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
            const float share = RectifiedSigmoid::value(variables[i]), code = floor[i] + share;
            const float inside = code >= lowest && code <= highest ? above[i] * scale[i] : 0.0f;
            const float slope = (inside + cost * RoundingRegularizer::slope(share, exponent)) *
                                RectifiedSigmoid::slope(variables[i]);
            variables[i] += rate * m_adam.change(i, slope);
        }
    });
}

double RoundingVariables::regularizer(double beta) const {
    double sum = 0;
    for (const float variable : m_variables)
        sum += RoundingRegularizer::value(RectifiedSigmoid::value(variable), beta);
    return sum;
}

std::vector<std::int16_t> RoundingVariables::codes() const {
    std::vector<std::int16_t> codes(m_variables.size());
    for (std::size_t i = 0; i < codes.size(); ++i) {
        const float code = m_floor[i] + (m_variables[i] >= 0 ? 1.0f : 0.0f);
        codes[i] = static_cast<std::int16_t>(
            std::clamp(code, static_cast<float>(m_layer.lowest), static_cast<float>(m_layer.highest)));
    }
    return codes;
}

std::int64_t RoundingVariables::binary() const {
    return std::ranges::count_if(m_variables, [](float variable) {
        const float share = RectifiedSigmoid::value(variable);
        return share < 0.02f || share > 0.98f;
    });
}

std::vector<float> dequantizeCodes(const SolverLayer &layer, std::span<const std::int16_t> codes) {
    std::vector<float> values(codes.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
        const auto at = static_cast<std::int64_t>(i);
        const std::size_t slice = layer.slice(at / layer.cols, at % layer.cols);
        values[i] = layer.scales[slice] * static_cast<float>(codes[i] - layer.zeroPoints[slice]);
    }
    return values;
}

} // namespace qs
