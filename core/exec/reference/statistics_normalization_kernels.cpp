#include "core/base/parallel.h"
#include "core/exec/reference/axes.h"
#include "core/exec/reference/families.h"
#include "core/exec/reference/lane_sum.h"

#include <cmath>
#include <numeric>

namespace qs {
namespace {

struct ResponseForm {
    std::int64_t size = 1;
    double alpha = 1e-4, beta = 0.75, bias = 1;
};

/// y[c] = x[c] / (bias + alpha / size · Σ x²)^beta over the `size` channels around c.
template <typename T>
Outputs normalizeResponse(const KernelCall &call, const ResponseForm &form) {
    const Shape &shape = call[0].shape();
    QS_TRY(Tensor result, call.allocate(dtypeOf<T>(), shape));
    const std::int64_t channels = shape[1], inner = shape.numelBetween(2, shape.rank());
    const T *src = call[0].values<T>().data();
    T *dst = result.mutableValues<T>().data();
    const auto normalizePlanes = [&](std::int64_t begin, std::int64_t end) {
        std::vector<double> sums(static_cast<std::size_t>(inner));
        for (std::int64_t plane = begin; plane < end && !call.ctx.cancelled(); ++plane) {
            const std::int64_t image = plane / channels * channels, c = plane % channels;
            const std::int64_t first = std::max<std::int64_t>(0, c - (form.size - 1) / 2);
            const std::int64_t last = std::min(channels - 1, c + form.size / 2);
            std::ranges::fill(sums, 0.0);
            for (std::int64_t other = first; other <= last; ++other)
                for (std::int64_t i = 0; i < inner; ++i) {
                    const double x = src[(image + other) * inner + i];
                    sums[static_cast<std::size_t>(i)] += x * x;
                }
            for (std::int64_t i = 0; i < inner; ++i) {
                const double sum = sums[static_cast<std::size_t>(i)];
                const double divisor =
                    std::pow(form.bias + form.alpha / static_cast<double>(form.size) * sum, form.beta);
                dst[plane * inner + i] = static_cast<T>(src[plane * inner + i] / divisor);
            }
        }
    };
    QS_CHECK_OK(parallelFor(result.numel() == 0 ? 0 : shape[0] * channels, 1, call.ctx, normalizePlanes));
    return std::vector<Tensor>{std::move(result)};
}

Result<Kernel> responseNormalization(NodeReader &reader) {
    const ResponseForm form{reader.intAttribute("size", 0), reader.floatAttribute("alpha", 1e-4),
                            reader.floatAttribute("beta", 0.75), reader.floatAttribute("bias", 1)};
    if (form.size < 1 || form.size > 1 << 20)
        return fail(ErrorCode::Unsupported, fmt::format("size={}", form.size));
    return widenHalfTypes([form](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 1));
        if (call[0].shape().rank() < 2)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("shape {} has no channels", call[0].shape().text()));
        return dispatch(FloatTypes{}, call[0].dtype(),
                        [&]<typename T>() { return normalizeResponse<T>(call, form); });
    });
}

/// (x - mean) / (standard deviation + 1e-9) over some axes.
template <typename T>
Outputs normalizeVariance(const KernelCall &call, const std::vector<int> &axes) {
    const Shape &shape = call[0].shape();
    std::vector<int> kept;
    for (int axis = 0; axis < shape.rank(); ++axis)
        if (!std::binary_search(axes.begin(), axes.end(), axis))
            kept.push_back(axis);
    QS_TRY(Tensor result, call.allocate(dtypeOf<T>(), shape));
    if (result.numel() == 0)
        return std::vector<Tensor>{std::move(result)};
    const std::vector<std::int64_t> starts = offsetsOf(shape, kept), offsets = offsetsOf(shape, axes);
    const T *src = call[0].values<T>().data();
    T *dst = result.mutableValues<T>().data();
    const auto count = static_cast<double>(offsets.size());
    const auto normalizeSlices = [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t slice = begin; slice < end && !call.ctx.cancelled(); ++slice) {
            const std::int64_t start = starts[static_cast<std::size_t>(slice)];
            double sum = 0, squares = 0;
            for (const std::int64_t offset : offsets)
                sum += static_cast<double>(src[start + offset]);
            const double mean = sum / count;
            for (const std::int64_t offset : offsets) {
                const double d = static_cast<double>(src[start + offset]) - mean;
                squares += d * d;
            }
            const double divisor = std::sqrt(squares / count) + 1e-9;
            for (const std::int64_t offset : offsets)
                dst[start + offset] =
                    static_cast<T>((static_cast<double>(src[start + offset]) - mean) / divisor);
        }
    };
    QS_CHECK_OK(parallelFor(static_cast<std::int64_t>(starts.size()), 16, call.ctx, normalizeSlices));
    return std::vector<Tensor>{std::move(result)};
}

Result<Kernel> meanVarianceNormalization(NodeReader &reader) {
    const auto axesGiven = reader.intsAttribute("axes").value_or(std::vector<std::int64_t>{0, 2, 3});
    return widenHalfTypes([axesGiven](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 1));
        QS_TRY(const std::vector<int> axes, normalizeAxes(axesGiven, call[0].shape().rank()));
        return dispatch(FloatTypes{}, call[0].dtype(),
                        [&]<typename T>() { return normalizeVariance<T>(call, axes); });
    });
}

/// Every line along an axis divided by its L1 or L2 norm; a line of zeros stays.
template <typename T>
Outputs normalizeLines(const KernelCall &call, int axis, bool squares) {
    const AxisView view = AxisView::of(call[0].shape(), axis);
    QS_TRY(Tensor result, call.allocate(dtypeOf<T>(), call[0].shape()));
    const T *src = call[0].values<T>().data();
    T *dst = result.mutableValues<T>().data();
    for (std::int64_t line = 0; result.numel() > 0 && line < view.outer * view.inner; ++line) {
        const std::int64_t start = line / view.inner * view.length * view.inner + line % view.inner;
        double norm = 0;
        for (std::int64_t i = 0; i < view.length; ++i) {
            const double x = src[start + i * view.inner];
            norm += squares ? x * x : std::fabs(x);
        }
        norm = squares ? std::sqrt(norm) : norm;
        for (std::int64_t i = 0; i < view.length; ++i)
            dst[start + i * view.inner] =
                norm == 0 ? T(0) : static_cast<T>(static_cast<double>(src[start + i * view.inner]) / norm);
    }
    return std::vector<Tensor>{std::move(result)};
}

Result<Kernel> normNormalization(NodeReader &reader) {
    const std::int64_t p = reader.intAttribute("p", 2), axisGiven = reader.intAttribute("axis", -1);
    if (p != 1 && p != 2)
        return fail(ErrorCode::Unsupported, fmt::format("p={}", p));
    return widenHalfTypes([=](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 1));
        QS_TRY(const int axis, normalizeAxis(axisGiven, call[0].shape().rank()));
        return dispatch(FloatTypes{}, call[0].dtype(),
                        [&]<typename T>() { return normalizeLines<T>(call, axis, p == 2); });
    });
}

/// Groups of channels of [N, C, …] to mean 0 and variance 1, then · scale + bias. Until opset 20 these have
/// one entry per group, since 21 one per channel.
template <typename T>
Outputs normalizeGroups(const KernelCall &call, std::int64_t groups, double epsilon) {
    const Shape &shape = call[0].shape();
    QS_TRY(Tensor result, call.allocate(dtypeOf<T>(), shape));
    const std::int64_t channels = shape[1] / groups, inner = shape.numelBetween(2, shape.rank());
    const std::int64_t length = channels * inner, perScale = shape[1] / call[1].numel();
    const auto scale = call[1].values<T>(), bias = call[2].values<T>();
    const auto normalize = [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t group = begin; group < end; ++group) {
            const T *src = call[0].values<T>().data() + group * length;
            T *dst = result.mutableValues<T>().data() + group * length;
            const double mean = laneSum(src, length) / static_cast<double>(length);
            const double inverse = 1 / std::sqrt(laneVariance(src, length, mean) + epsilon);
            for (std::int64_t i = 0; i < length; ++i) {
                const auto s = static_cast<std::size_t>((group % groups * channels + i / inner) / perScale);
                dst[i] = static_cast<T>((static_cast<double>(src[i]) - mean) * inverse *
                                            static_cast<double>(scale[s]) +
                                        static_cast<double>(bias[s]));
            }
        }
    };
    QS_CHECK_OK(parallelFor(result.numel() == 0 ? 0 : shape[0] * groups, 1, call.ctx, normalize));
    return std::vector<Tensor>{std::move(result)};
}

Result<Kernel> groupNormalization(NodeReader &reader) {
    const std::int64_t groups = reader.intAttribute("num_groups", 0);
    const double epsilon = reader.floatAttribute("epsilon", 1e-5);
    const bool perChannel = reader.opset() >= 21;
    if (groups < 1 || (perChannel && reader.intAttribute("stash_type", 1) != 1))
        return fail(ErrorCode::Unsupported, "num_groups below 1, or a stash_type other than float32");
    return widenHalfTypes([=](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireSameType(call, 3));
        const Shape &shape = call[0].shape();
        if (shape.rank() < 2 || shape[1] < 1 || shape[1] % groups != 0)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("{} groups of the channels of {}", groups, shape.text()));
        const Shape wanted{perChannel ? shape[1] : groups};
        if (call[1].shape() != wanted || call[2].shape() != wanted)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("scale and bias must have the shape {}", wanted.text()));
        return dispatch(FloatTypes{}, call[0].dtype(),
                        [&]<typename T>() { return normalizeGroups<T>(call, groups, epsilon); });
    });
}

constexpr KernelEntry kEntries[] = {
    {"LRN", 1, responseNormalization},
    {"MeanVarianceNormalization", 9, meanVarianceNormalization},
    {"LpNormalization", 1, normNormalization},
    {"GroupNormalization", 18, groupNormalization},
};

} // namespace

KernelFamily statisticsNormalizationKernels() {
    return kEntries;
}

} // namespace qs
