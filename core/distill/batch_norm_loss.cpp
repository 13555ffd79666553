#include "core/distill/batch_norm_loss.h"

#include "core/base/parallel.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <numeric>

namespace qs {
namespace {

constexpr double kEpsilon = 1e-6;  ///< of the authors' deviations
constexpr std::int64_t kGrain = 8; ///< channels of a task

bool isRunningStatistic(const ModelGraph &graph, const Node &node, std::size_t index) {
    const Tensor *constant = node.inputs.size() > index ? graph.constant(node.inputs[index]) : nullptr;
    return constant && constant->dtype() == DType::Float32 && constant->shape().rank() == 1;
}

/// One channel of a group of images: a stretch of every image.
struct ChannelValues {
    const float *first = nullptr;
    std::int64_t images = 1, positions = 1;
    std::int64_t imageStride = 0;

    double count() const { return static_cast<double>(images * positions); }
};

/// Sums of distances from a centre, in as many parts as vectors want.
struct Moments {
    static constexpr std::int64_t kParts = 8;
    std::array<double, kParts> sums{}, squares{};

    void add(const float *values, std::int64_t count, double centre) {
        std::int64_t i = 0;
        for (; i + kParts <= count; i += kParts)
            for (std::int64_t part = 0; part < kParts; ++part)
                addTo(static_cast<std::size_t>(part), values[i + part] - centre);
        for (; i < count; ++i)
            addTo(0, values[i] - centre);
    }
    void addTo(std::size_t part, double distance) {
        sums[part] += distance;
        squares[part] += distance * distance;
    }
};

/// Loss of the channel; its gradient, over `share`, is written beside the values.
double channelLoss(const ChannelValues &values, double wantedMean, double wantedDeviation, double share,
                   float *gradient) {
    Moments moments; // about the wanted mean, so that little cancels
    for (std::int64_t image = 0; image < values.images; ++image)
        moments.add(values.first + image * values.imageStride, values.positions, wantedMean);
    const double count = values.count();
    const double meanError = std::accumulate(moments.sums.begin(), moments.sums.end(), 0.0) / count;
    double loss = meanError * meanError, slope = 0;
    if (count > 1) {
        const double squares = std::accumulate(moments.squares.begin(), moments.squares.end(), 0.0);
        const double variance = std::max(0.0, squares - count * meanError * meanError) / (count - 1);
        const double deviation = std::sqrt(variance + kEpsilon), error = deviation - wantedDeviation;
        loss += error * error;
        slope = 2 * error / ((count - 1) * deviation) / share;
    }
    const auto factor = static_cast<float>(slope), centre = static_cast<float>(wantedMean + meanError),
               offset = static_cast<float>(2 * meanError / count / share);
    for (std::int64_t image = 0; image < values.images; ++image) {
        const float *src = values.first + image * values.imageStride;
        float *dst = gradient + image * values.imageStride;
        for (std::int64_t i = 0; i < values.positions; ++i)
            dst[i] = (src[i] - centre) * factor + offset;
    }
    return loss / share;
}

} // namespace

std::vector<BatchNormStatistics> findBatchNorms(const ModelGraph &graph) {
    std::vector<BatchNormStatistics> found;
    for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
        const Node &node = graph.nodes()[n];
        if (node.opType != "BatchNormalization" || !node.domain.empty() || graph.constant(node.inputs[0]) ||
            !isRunningStatistic(graph, node, 3) || !isRunningStatistic(graph, node, 4))
            continue;
        BatchNormStatistics statistics{static_cast<NodeId>(n), node.inputs[0], {}, {}};
        const auto mean = graph.constant(node.inputs[3])->values<float>();
        statistics.mean.assign(mean.begin(), mean.end());
        for (const float variance : graph.constant(node.inputs[4])->values<float>())
            statistics.deviation.push_back(
                static_cast<float>(std::sqrt(std::max(0.0, static_cast<double>(variance)) + kEpsilon)));
        found.push_back(std::move(statistics));
    }
    return found;
}

Result<LossSeed> statisticsLoss(const Tensor &value, const std::vector<float> &mean,
                                const std::vector<float> &deviation, StatisticsOver over,
                                const RunContext &ctx) {
    const Shape &shape = value.shape();
    if (shape.rank() < 2 || shape[1] != static_cast<std::int64_t>(mean.size()) ||
        mean.size() != deviation.size())
        return fail(
            ErrorCode::InvalidArgument,
            fmt::format("statistics of {} channels do not fit values of {}", mean.size(), shape.text()));
    LossSeed result{0, Tensor::allocate(DType::Float32, shape)};
    const std::int64_t images = shape[0], channels = shape[1],
                       positions = shape.numelBetween(2, shape.rank());
    const bool perSample = over == StatisticsOver::Sample;
    const std::int64_t groups = perSample ? images : 1;
    const float *first = value.values<float>().data();
    float *gradient = result.seed.mutableValues<float>().data();
    std::vector<double> losses(static_cast<std::size_t>(groups * channels));
    QS_CHECK_OK(parallelFor(groups * channels, kGrain, ctx, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t task = begin; task < end; ++task) {
            const auto channel = static_cast<std::size_t>(task % channels);
            const std::int64_t at = task * positions; // groups are images, or there is one
            losses[static_cast<std::size_t>(task)] =
                channelLoss({first + at, perSample ? 1 : images, positions, channels * positions},
                            mean[channel], deviation[channel], static_cast<double>(groups), gradient + at);
        }
    }));
    result.loss = std::accumulate(losses.begin(), losses.end(), 0.0);
    return result;
}

} // namespace qs
