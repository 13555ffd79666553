#include "core/base/parallel.h"
#include "core/exec/reference/axes.h"
#include "core/exec/reference/channel_scale.h"
#include "core/exec/reference/families.h"
#include "core/exec/reference/lane_sum.h"
#include "core/exec/reference/training_mode.h"

#include <cmath>

namespace qs {
namespace {

template <typename T>
void scalePlane(const T *src, T *dst, std::int64_t count, T factor, T offset) {
#pragma GCC ivdep // dst is src or apart from it
    for (std::int64_t i = 0; i < count; ++i)
        dst[i] = src[i] * factor + offset;
}

/// y = x · factor[c] + offset[c] over [N, C, …].
template <typename T>
Outputs scaleChannels(KernelCall &call, const ChannelScale<T> &scale) {
    const T *src = call[0].values<T>().data();
    const Shape shape = call[0].shape();
    const std::int64_t inner = shape.numelBetween(2, shape.rank()), channels = shape[1];
    QS_TRY(Tensor result, call.allocateOver(0));
    T *dst = result.mutableValues<T>().data();
    const std::int64_t planes = inner == 0 ? 0 : shape[0] * channels;
    const std::int64_t grain = std::max<std::int64_t>(1, 32768 / std::max<std::int64_t>(1, inner));
    QS_CHECK_OK(parallelFor(planes, grain, call.ctx, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t plane = begin; plane < end; ++plane) {
            const auto c = static_cast<std::size_t>(plane % channels);
            scalePlane(src + plane * inner, dst + plane * inner, inner, scale.factor[c], scale.offset[c]);
        }
    }));
    return std::vector<Tensor>{std::move(result)};
}

template <typename T>
Outputs batchNormalize(KernelCall &call, double epsilon) {
    const typename ChannelScale<T>::Parameters parameters{call[1].values<T>(), call[2].values<T>(),
                                                          call[3].values<T>(), call[4].values<T>()};
    return scaleChannels<T>(call, ChannelScale<T>::of(parameters, epsilon));
}

Result<Kernel> batchNormalization(NodeReader &reader) {
    const double epsilon = reader.floatAttribute("epsilon", 1e-5);
    reader.ignore({"momentum", "consumed_inputs"}); // of training
    const bool training = reader.opset() >= 14 ? reader.flag("training_mode", false)
                          : reader.opset() < 7 ? !reader.flag("is_test", false)
                                               : false;
    for (std::size_t i = 1; i < 5; ++i)
        if (training || reader.hasOutput(i))
            return fail(ErrorCode::Unsupported, kTrainingText);
    if (reader.opset() < 9 && !reader.flag("spatial", true))
        return fail(ErrorCode::Unsupported, "spatial=0");
    return widenHalfTypes([epsilon](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireSameType(call, 5));
        const Shape &shape = call[0].shape();
        for (std::size_t i = 1; i < 5; ++i)
            if (shape.rank() < 2 || call[i].shape() != Shape{shape[1]})
                return fail(ErrorCode::InvalidArgument,
                            fmt::format("input {} of shape {} does not fit x of shape {}", i,
                                        call[i].shape().text(), shape.text()));
        return dispatch(FloatTypes{}, call[0].dtype(),
                        [&]<typename T>() { return batchNormalize<T>(call, epsilon); });
    });
}

/// Every line of `length` elements to mean 0 and variance 1, then · scale + bias where given.
template <typename T>
struct LineNormalizer {
    std::int64_t length;
    double epsilon;
    const T *scale, *bias;

    /// \return mean and 1 / standard deviation
    std::pair<T, T> operator()(const T *src, T *dst) const {
        const double mean = laneSum(src, length) / static_cast<double>(length);
        const double variance = laneVariance(src, length, mean);
        const double inverse = 1 / std::sqrt(variance + epsilon);
        const T m = static_cast<T>(mean), f = static_cast<T>(inverse);
        if (bias)
            for (std::int64_t i = 0; i < length; ++i)
                dst[i] = (src[i] - m) * f * scale[i] + bias[i];
        else
            for (std::int64_t i = 0; i < length; ++i)
                dst[i] = (src[i] - m) * f * scale[i];
        return {m, f};
    }
};

template <typename T>
Outputs layerNormalize(const KernelCall &call, int axis, double epsilon, bool wantsStatistics) {
    const Shape &shape = call[0].shape();
    Shape statistics = shape;
    for (int a = axis; a < shape.rank(); ++a)
        statistics[a] = 1;
    std::vector<Tensor> outputs(3);
    QS_TRY(outputs[0], call.allocate(dtypeOf<T>(), shape));
    for (std::size_t i = 1; wantsStatistics && i < 3; ++i) {
        QS_TRY(outputs[i], call.allocate(dtypeOf<T>(), statistics));
        std::ranges::fill(outputs[i].template mutableValues<T>(),
                          std::numeric_limits<T>::quiet_NaN()); // of no elements
    }
    const std::int64_t length = shape.numelBetween(axis, shape.rank());
    const LineNormalizer<T> normalize{length, epsilon, call[1].values<T>().data(),
                                      call.has(2) ? call[2].values<T>().data() : nullptr};
    const T *src = call[0].values<T>().data();
    T *dst = outputs[0].mutableValues<T>().data();
    T *means = wantsStatistics ? outputs[1].mutableValues<T>().data() : nullptr;
    T *inverses = wantsStatistics ? outputs[2].mutableValues<T>().data() : nullptr;
    const std::int64_t grain = std::max<std::int64_t>(1, 8192 / std::max<std::int64_t>(1, length));
    QS_CHECK_OK(parallelFor(length == 0 ? 0 : shape.numelBetween(0, axis), grain, call.ctx,
                            [&](std::int64_t begin, std::int64_t end) {
                                for (std::int64_t line = begin; line < end; ++line) {
                                    const auto [mean, inverse] =
                                        normalize(src + line * length, dst + line * length);
                                    if (means) {
                                        means[line] = mean;
                                        inverses[line] = inverse;
                                    }
                                }
                            }));
    return outputs;
}

Result<Kernel> layerNormalization(NodeReader &reader) {
    const std::int64_t axisGiven = reader.intAttribute("axis", -1);
    const double epsilon = reader.floatAttribute("epsilon", 1e-5);
    if (reader.intAttribute("stash_type", 1) != 1)
        return fail(ErrorCode::Unsupported, "stash_type other than float32");
    const bool statistics = reader.hasOutput(1) || reader.hasOutput(2);
    return widenHalfTypes([=](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireSameType(call, call.has(2) ? 3 : 2));
        const Shape &shape = call[0].shape();
        QS_TRY(const int axis, normalizeAxis(axisGiven, shape.rank()));
        for (std::size_t i = 1; i < 3; ++i)
            if (call.has(i) && call[i].numel() != shape.numelBetween(axis, shape.rank()))
                return fail(ErrorCode::InvalidArgument,
                            fmt::format("input {} of shape {} does not fit x of shape {}", i,
                                        call[i].shape().text(), shape.text()));
        return dispatch(FloatTypes{}, call[0].dtype(),
                        [&]<typename T>() { return layerNormalize<T>(call, axis, epsilon, statistics); });
    });
}

template <typename T>
Outputs instanceNormalize(const KernelCall &call, double epsilon) {
    const Shape &shape = call[0].shape();
    QS_TRY(Tensor result, call.allocate(dtypeOf<T>(), shape));
    const std::int64_t length = shape.numelBetween(2, shape.rank()), channels = shape[1];
    for (std::int64_t plane = 0; length > 0 && plane < shape[0] * channels; ++plane) {
        const T *src = call[0].values<T>().data() + plane * length;
        T *dst = result.mutableValues<T>().data() + plane * length;
        const auto channel = static_cast<std::size_t>(plane % channels);
        const double mean = laneSum(src, length) / static_cast<double>(length);
        const double variance = laneVariance(src, length, mean);
        const double factor =
            static_cast<double>(call[1].values<T>()[channel]) / std::sqrt(variance + epsilon);
        const double offset = static_cast<double>(call[2].values<T>()[channel]);
        for (std::int64_t i = 0; i < length; ++i)
            dst[i] = static_cast<T>((static_cast<double>(src[i]) - mean) * factor + offset);
    }
    return std::vector<Tensor>{std::move(result)};
}

Result<Kernel> instanceNormalization(NodeReader &reader) {
    reader.ignore({"consumed_inputs"});
    return widenHalfTypes([epsilon = reader.floatAttribute("epsilon", 1e-5)](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireSameType(call, 3));
        const Shape &shape = call[0].shape();
        if (shape.rank() < 2 || call[1].shape() != Shape{shape[1]} || call[2].shape() != Shape{shape[1]})
            return fail(ErrorCode::InvalidArgument, "scale and bias must have one entry per channel");
        return dispatch(FloatTypes{}, call[0].dtype(),
                        [&]<typename T>() { return instanceNormalize<T>(call, epsilon); });
    });
}

constexpr KernelEntry kEntries[] = {
    {"BatchNormalization", 1, batchNormalization},
    {"LayerNormalization", 1, layerNormalization}, // ONNX Runtime had it before opset 17
    {"InstanceNormalization", 1, instanceNormalization},
};

} // namespace

KernelFamily normalizationKernels() {
    return kEntries;
}

} // namespace qs
