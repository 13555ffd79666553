#include "core/analysis/block_loss.h"

#include "core/base/parallel.h"
#include "core/metrics/output_metrics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace qs {
namespace {

/// Where the channels of a position lie: at base(position) + channel · stride.
struct ChannelView {
    std::int64_t positions = 1, channels = 1, stride = 1;

    static ChannelView of(const Shape &shape) {
        if (shape.rank() == 0 || shape.numel() == 0)
            return {shape.numel(), 1, 1};
        const int axis = shape.rank() >= 4 ? 1 : shape.rank() - 1;
        ChannelView view;
        view.channels = shape[axis];
        for (int i = axis + 1; i < shape.rank(); ++i)
            view.stride *= shape[i];
        view.positions = shape.numel() / view.channels;
        return view;
    }
    std::int64_t base(std::int64_t position) const {
        return position / stride * channels * stride + position % stride;
    }
};

/// Logarithms of the softmax of a position's channels.
void logSoftmax(const float *values, const ChannelView &view, std::vector<double> &dst) {
    double largest = values[0], sum = 0;
    for (std::int64_t c = 1; c < view.channels; ++c)
        largest = std::max<double>(largest, values[c * view.stride]);
    for (std::int64_t c = 0; c < view.channels; ++c)
        sum += std::exp(values[c * view.stride] - largest);
    const double shift = largest + std::log(sum);
    for (std::int64_t c = 0; c < view.channels; ++c)
        dst[static_cast<std::size_t>(c)] = values[c * view.stride] - shift;
}

/// Logarithms of a position's probabilities.
void logarithms(const float *values, const ChannelView &view, std::vector<double> &dst) {
    for (std::int64_t c = 0; c < view.channels; ++c)
        dst[static_cast<std::size_t>(c)] = logProbability(values[c * view.stride]);
}

/// The loss of one position from log p and log q, and its gradient by the values behind q.
using PositionLoss = double (*)(const std::vector<double> &p, const std::vector<double> &q,
                                std::vector<double> &gradient);

double forwardKl(const std::vector<double> &p, const std::vector<double> &q, std::vector<double> &gradient) {
    double loss = 0;
    for (std::size_t c = 0; c < p.size(); ++c) {
        loss += std::exp(p[c]) * (p[c] - q[c]);
        gradient[c] = std::exp(q[c]) - std::exp(p[c]);
    }
    return loss;
}

double bothWays(const std::vector<double> &p, const std::vector<double> &q, std::vector<double> &gradient) {
    double backward = 0;
    for (std::size_t c = 0; c < p.size(); ++c)
        backward += std::exp(q[c]) * (q[c] - p[c]);
    const double forward = forwardKl(p, q, gradient);
    for (std::size_t c = 0; c < p.size(); ++c)
        gradient[c] += std::exp(q[c]) * (q[c] - p[c] - backward);
    return forward + backward;
}

double probabilityKl(const std::vector<double> &p, const std::vector<double> &q,
                     std::vector<double> &gradient) {
    double loss = 0;
    for (std::size_t c = 0; c < p.size(); ++c) {
        loss += std::exp(p[c]) * (p[c] - q[c]);
        gradient[c] = -std::exp(p[c] - q[c]);
    }
    return loss;
}

LossSeed positionSeed(const Tensor &value, const Tensor &target, PositionLoss loss, const RunContext &ctx,
                      decltype(&logSoftmax) toLogarithms = logSoftmax) {
    constexpr std::int64_t kGrain = 64;
    const ChannelView view = ChannelView::of(value.shape());
    LossSeed result{0, Tensor::allocate(DType::Float32, value.shape())};
    const float *y = value.values<float>().data(), *wanted = target.values<float>().data();
    float *seed = result.seed.mutableValues<float>().data();
    std::vector<double> losses(static_cast<std::size_t>(view.positions));
    const auto channels = static_cast<std::size_t>(view.channels);
    // Nothing cancels it: a mini-batch takes milliseconds.
    [[maybe_unused]] const Status done =
        parallelFor(view.positions, kGrain, RunContext{{}, nullptr, ctx.maxThreads},
                    [&](std::int64_t begin, std::int64_t end) {
                        std::vector<double> p(channels), q(channels), gradient(channels);
                        for (std::int64_t position = begin; position < end; ++position) {
                            const std::int64_t base = view.base(position);
                            toLogarithms(wanted + base, view, p);
                            toLogarithms(y + base, view, q);
                            losses[static_cast<std::size_t>(position)] = loss(p, q, gradient);
                            for (std::size_t c = 0; c < channels; ++c)
                                seed[base + static_cast<std::int64_t>(c) * view.stride] =
                                    static_cast<float>(gradient[c] / static_cast<double>(view.positions));
                        }
                    });
    result.loss = std::accumulate(losses.begin(), losses.end(), 0.0) / static_cast<double>(view.positions);
    return result;
}

} // namespace

LossSeed channelErrorSeed(const Tensor &value, const Tensor &target, const Tensor &weights) {
    const auto positions = static_cast<double>(ChannelView::of(value.shape()).positions);
    if (weights.empty())
        return squaredErrorSeed(value, target, positions);
    LossSeed result{0, Tensor::allocate(DType::Float32, value.shape())};
    const auto y = value.values<float>(), wanted = target.values<float>(), weight = weights.values<float>();
    const auto seed = result.seed.mutableValues<float>();
    for (std::size_t i = 0; i < y.size(); ++i) {
        const double difference = static_cast<double>(y[i]) - wanted[i];
        result.loss += weight[i] * difference * difference;
        seed[i] = static_cast<float>(2 * weight[i] * difference / positions);
    }
    result.loss /= positions;
    return result;
}

LossSeed outputKlSeed(const Tensor &value, const Tensor &target, const RunContext &ctx) {
    return areProbabilities(target) ? positionSeed(value, target, probabilityKl, ctx, logarithms)
                                    : positionSeed(value, target, forwardKl, ctx);
}

LossSeed symmetricKlSeed(const Tensor &value, const Tensor &target, const RunContext &ctx) {
    return positionSeed(value, target, bothWays, ctx);
}

void addScaled(Tensor &sum, const Tensor &seed, double factor) {
    if (sum.empty() && factor == 1) {
        sum = seed;
        return;
    }
    const auto by = static_cast<float>(factor);
    Tensor total = Tensor::allocate(DType::Float32, seed.shape());
    const auto src = seed.values<float>(), before = sum.empty() ? src : sum.values<float>();
    const auto dst = total.mutableValues<float>();
    const bool first = sum.empty();
    for (std::size_t i = 0; i < src.size(); ++i)
        dst[i] = (first ? 0.0f : before[i]) + by * src[i];
    sum = std::move(total);
}

} // namespace qs
