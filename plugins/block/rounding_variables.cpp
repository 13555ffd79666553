#include "plugins/block/rounding_variables.h"

#include "core/base/parallel.h"
#include "core/tensor/convert.h"

#include <algorithm>

namespace qs {
namespace {

constexpr std::int64_t kGrain = 16384;
constexpr double kJustUp = 0.51;

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

RoundingVariables::RoundingVariables(const SolverLayer &layer, const RoundingOptions &options)
    : m_layer(layer), m_variables(layer.size()), m_floor(layer.size()), m_scale(layer.size()),
      m_zeroPoint(layer.size()), m_soft(layer.size()), m_sliceScales(layer.scales), m_adam(layer.size()) {
    load(layer);
    if (options.rank <= 0 || options.rank >= std::min(layer.rows, layer.cols))
        return;
    m_base = m_variables;
    m_change.emplace(layer.rows, layer.cols, options.rank, options.uniform);
    m_slopes.resize(layer.size());
}

/// Shares start where the soft codes stand for the weights themselves; where the layer starts on the other
/// side (an earlier window has decided so), close to the middle on that side.
void RoundingVariables::load(const SolverLayer &layer) {
    for (std::size_t i = 0; i < m_variables.size(); ++i) {
        const std::size_t slice = layer.sliceOf(i);
        const double ratio = static_cast<double>(layer.weights[i]) / layer.scales[slice];
        const double below = std::floor(ratio), share = ratio - below;
        m_scale[i] = layer.scales[slice];
        m_zeroPoint[i] = static_cast<float>(layer.zeroPoints[slice]);
        m_floor[i] = static_cast<float>(below + layer.zeroPoints[slice]);
        const auto code = static_cast<float>(layer.nearest[i]);
        const bool inside =
            m_floor[i] >= static_cast<float>(layer.lowest) && m_floor[i] < static_cast<float>(layer.highest);
        const bool up = inside && code == m_floor[i] + 1 && share < 0.5,
                   down = inside && code == m_floor[i] && share > 0.5;
        m_variables[i] = RectifiedSigmoid::inverse(static_cast<float>(up     ? kJustUp
                                                                      : down ? 1 - kJustUp
                                                                             : share));
    }
}

const std::vector<float> &RoundingVariables::softWeights(int maxThreads) {
    const auto lowest = static_cast<float>(m_layer.lowest), highest = static_cast<float>(m_layer.highest);
    const float *variables = m_variables.data(), *floor = m_floor.data(), *scale = m_scale.data(),
                *zeroPoint = m_zeroPoint.data();
    const float sharpness = m_sharpness;
    float *soft = m_soft.data();
    forEachBlock(m_soft.size(), maxThreads, [=](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
            const float code = floor[i] + RectifiedSigmoid::value(sharpness * variables[i]);
            soft[i] = scale[i] * (std::min(std::max(code, lowest), highest) - zeroPoint[i]);
        }
    });
    return m_soft;
}

void RoundingVariables::step(const std::vector<float> &gradient, const Step &step, int maxThreads) {
    if (step.scaleRate > 0) // before the variables move: the gradient is that of the present weights
        stepScales(gradient, step.scaleRate);
    m_adam.nextStep();
    const auto lowest = static_cast<float>(m_layer.lowest), highest = static_cast<float>(m_layer.highest);
    const auto cost = static_cast<float>(m_change ? 0 : step.lambda),
               exponent = static_cast<float>(step.beta), rate = static_cast<float>(step.learningRate),
               sharpness = m_sharpness;
    const float *above = gradient.data(), *floor = m_floor.data(), *scale = m_scale.data();
    float *variables = m_variables.data(), *slopes = m_change ? m_slopes.data() : nullptr;
    forEachBlock(m_variables.size(), maxThreads, [=, this](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
            const float at = sharpness * variables[i];
            const float share = RectifiedSigmoid::value(at), code = floor[i] + share;
            const float inside = code >= lowest && code <= highest ? above[i] * scale[i] : 0.0f;
            const float slope = (inside + cost * RoundingRegularizer::slope(share, exponent)) *
                                RectifiedSigmoid::slope(at) * sharpness;
            if (slopes)
                slopes[i] = slope;
            else
                variables[i] += rate * m_adam.change(i, slope);
        }
    });
    if (!m_change)
        return;
    m_change->step(m_slopes, step.learningRate);
    m_change->addTo(m_base, m_variables);
}

/// The codes stay: a scale moves its values in proportion.
void RoundingVariables::stepScales(const std::vector<float> &gradient, double rate) {
    std::vector<double> slopes(m_sliceScales.size(), 0.0);
    for (std::size_t i = 0; i < m_soft.size(); ++i)
        slopes[m_layer.sliceOf(i)] += static_cast<double>(gradient[i]) * m_soft[i]; // by log(scale)
    if (!m_scaleAdam)
        m_scaleAdam.emplace(slopes.size());
    m_scaleAdam->nextStep();
    for (std::size_t slice = 0; slice < slopes.size(); ++slice) {
        const float change = m_scaleAdam->change(slice, static_cast<float>(slopes[slice]));
        const float first = m_layer.scales[slice];
        m_sliceScales[slice] = std::clamp(m_sliceScales[slice] * (1 + static_cast<float>(rate) * change),
                                          0.5f * first, 2.0f * first);
    }
    for (std::size_t i = 0; i < m_scale.size(); ++i)
        m_scale[i] = m_sliceScales[m_layer.sliceOf(i)];
}

double RoundingVariables::regularizer(double beta) const {
    double sum = 0;
    for (const float variable : m_variables)
        sum += RoundingRegularizer::value(RectifiedSigmoid::value(m_sharpness * variable), beta);
    return sum;
}

SolvedLayer RoundingVariables::solved() const {
    SolvedLayer layer{std::vector<std::int16_t>(m_variables.size()), m_sliceScales, m_layer.zeroPoints};
    for (std::size_t i = 0; i < layer.codes.size(); ++i) {
        const float code = m_floor[i] + (m_variables[i] >= 0 ? 1.0f : 0.0f);
        layer.codes[i] = static_cast<std::int16_t>(
            std::clamp(code, static_cast<float>(m_layer.lowest), static_cast<float>(m_layer.highest)));
    }
    if (m_layer.scaleAsFloat16)
        for (float &scale : layer.scales)
            scale = float16ToFloat(floatToFloat16(scale));
    return layer;
}

std::int64_t RoundingVariables::binary() const {
    return std::ranges::count_if(m_variables, [this](float variable) {
        const float share = RectifiedSigmoid::value(m_sharpness * variable);
        return share < 0.02f || share > 0.98f;
    });
}

} // namespace qs
