#include "core/base/parallel.h"
#include "core/exec/reference/axes.h"
#include "core/gradient/gradient_rule.h"

#include <cmath>

namespace qs {
namespace {

// ---- LayerNormalization: y = (x - mean) · rstd · scale + bias over lines of `length` ---------------------

struct LineStatistics {
    double mean, inverse; ///< of a line: mean, 1 / standard deviation
};

LineStatistics lineStatistics(const float *x, std::int64_t length, double epsilon) {
    double sum = 0, squares = 0;
    for (std::int64_t i = 0; i < length; ++i)
        sum += x[i];
    const double mean = sum / static_cast<double>(length);
    for (std::int64_t i = 0; i < length; ++i)
        squares += (x[i] - mean) * (x[i] - mean);
    return {mean, 1 / std::sqrt(squares / static_cast<double>(length) + epsilon)};
}

/// dx = rstd · (h - mean(h) - z · mean(h · z)) with h = gradient · scale and z the normalised line.
void layerNormLine(const float *x, const float *g, const float *scale, std::int64_t length,
                   LineStatistics line, float *dst) {
    double sum = 0, dot = 0;
    for (std::int64_t i = 0; i < length; ++i) {
        const double h = static_cast<double>(g[i]) * scale[i];
        sum += h;
        dot += h * (x[i] - line.mean);
    }
    const double meanH = sum / static_cast<double>(length);
    const double slope = dot / static_cast<double>(length) * line.inverse * line.inverse;
    for (std::int64_t i = 0; i < length; ++i)
        dst[i] = static_cast<float>(
            line.inverse * (static_cast<double>(g[i]) * scale[i] - meanH - (x[i] - line.mean) * slope));
}

Gradients layerNormalization(const BackwardCall &call) {
    for (std::size_t i = 1; i < call.gradients.size(); ++i)
        if (!call.gradients[i].empty())
            return fail(ErrorCode::Unsupported, "a gradient through the mean or deviation that it reports");
    const Shape &shape = call.operand(0).shape();
    QS_TRY(const int axis, normalizeAxis(call.node.intAttribute("axis", -1), shape.rank()));
    const double epsilon = call.node.floatAttribute("epsilon", 1e-5);
    const std::int64_t length = shape.numelBetween(axis, shape.rank()), lines = shape.numelBetween(0, axis);
    if (call.operand(1).numel() != length)
        return fail(ErrorCode::Unsupported, "a scale that is broadcast");
    const float *x = call.operand(0).values<float>().data(), *scale = call.operand(1).values<float>().data(),
                *g = call.gradients[0].values<float>().data();
    std::vector<Tensor> gradients(call.wanted.size());
    if (call.wants(0)) {
        gradients[0] = Tensor::allocate(DType::Float32, shape);
        float *dst = gradients[0].mutableValues<float>().data();
        QS_CHECK_OK(parallelFor(lines, 16, call.forward.ctx, [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t at = begin * length; at < end * length; at += length)
                layerNormLine(x + at, g + at, scale, length, lineStatistics(x + at, length, epsilon),
                              dst + at);
        }));
    }
    std::vector<double> scaleSums(static_cast<std::size_t>(length), 0.0), biasSums = scaleSums;
    for (std::int64_t line = 0; line < lines && (call.wants(1) || call.wants(2)); ++line) {
        const LineStatistics statistics = lineStatistics(x + line * length, length, epsilon);
        for (std::int64_t i = 0; i < length; ++i) {
            const std::int64_t at = line * length + i;
            scaleSums[static_cast<std::size_t>(i)] += g[at] * (x[at] - statistics.mean) * statistics.inverse;
            biasSums[static_cast<std::size_t>(i)] += g[at];
        }
    }
    for (std::size_t i = 1; i < gradients.size(); ++i)
        if (call.wants(i)) {
            gradients[i] = Tensor::allocate(DType::Float32, call.operand(i).shape());
            std::ranges::transform(i == 1 ? scaleSums : biasSums, gradients[i].mutableValues<float>().begin(),
                                   [](double sum) { return static_cast<float>(sum); });
        }
    return gradients;
}

// ---- BatchNormalization with stored statistics: y = (x - mean) · scale / sqrt(var + eps) + bias ----------

Gradients batchNormalization(const BackwardCall &call) {
    if (call.wants(3) || call.wants(4))
        return fail(ErrorCode::Unsupported, "a gradient with respect to stored mean or variance");
    const Shape &shape = call.operand(0).shape();
    const double epsilon = call.node.floatAttribute("epsilon", 1e-5);
    const std::int64_t channels = shape[1], inner = shape.numelBetween(2, shape.rank());
    const float *x = call.operand(0).values<float>().data(), *g = call.gradients[0].values<float>().data();
    std::vector<Tensor> gradients(call.wanted.size());
    for (std::size_t i = 0; i < 3; ++i)
        if (call.wants(i))
            gradients[i] = Tensor::zeros(DType::Float32, call.operand(i).shape());
    QS_CHECK_OK(parallelFor(channels, 4, call.forward.ctx, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t c = begin; c < end; ++c) {
            const auto channel = static_cast<std::size_t>(c);
            const double mean = call.operand(3).values<float>()[channel];
            const double inverse = 1 / std::sqrt(call.operand(4).values<float>()[channel] + epsilon);
            const auto factor = static_cast<float>(call.operand(1).values<float>()[channel] * inverse);
            double scaleSum = 0, biasSum = 0;
            for (std::int64_t n = 0; n < shape[0]; ++n) {
                const std::int64_t at = (n * channels + c) * inner;
                if (call.wants(0)) {
                    float *dst = gradients[0].mutableValues<float>().data() + at;
                    for (std::int64_t i = 0; i < inner; ++i)
                        dst[i] = g[at + i] * factor;
                }
                for (std::int64_t i = 0; i < inner && (call.wants(1) || call.wants(2)); ++i) {
                    scaleSum += g[at + i] * (x[at + i] - mean) * inverse;
                    biasSum += g[at + i];
                }
            }
            if (call.wants(1))
                gradients[1].mutableValues<float>()[channel] = static_cast<float>(scaleSum);
            if (call.wants(2))
                gradients[2].mutableValues<float>()[channel] = static_cast<float>(biasSum);
        }
    }));
    return gradients;
}

// ---- Softmax: dx = y · (g - Σ g y) ---------------------------------------------------------------------

Gradients softmax(const BackwardCall &call) {
    const Tensor &y = call.results[0];
    const bool flattens = call.graph.opset() < 13;
    QS_TRY(const int axis,
           normalizeAxis(call.node.intAttribute("axis", flattens ? 1 : -1), y.shape().rank()));
    AxisView view = AxisView::of(y.shape(), axis);
    if (flattens)
        view = {view.outer, view.length * view.inner, 1};
    Tensor gradient = Tensor::allocate(DType::Float32, y.shape());
    const float *values = y.values<float>().data(), *g = call.gradients[0].values<float>().data();
    float *dst = gradient.mutableValues<float>().data();
    QS_CHECK_OK(
        parallelFor(view.outer * view.inner, 64, call.forward.ctx, [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t line = begin; line < end; ++line) {
                const std::int64_t start = line / view.inner * view.length * view.inner + line % view.inner;
                double dot = 0;
                for (std::int64_t i = 0; i < view.length; ++i)
                    dot += static_cast<double>(g[start + i * view.inner]) * values[start + i * view.inner];
                for (std::int64_t i = 0; i < view.length; ++i) {
                    const std::int64_t at = start + i * view.inner;
                    dst[at] = static_cast<float>(values[at] * (g[at] - dot));
                }
            }
        }));
    return onlyFirst(call, std::move(gradient));
}

constexpr GradientRuleEntry kEntries[] = {
    {"LayerNormalization", layerNormalization},
    {"BatchNormalization", batchNormalization},
    {"Softmax", softmax},
};

} // namespace

RuleFamily normalizationRules() {
    return kEntries;
}

} // namespace qs
