#include "core/base/parallel.h"
#include "core/exec/reference/axes.h"
#include "core/exec/reference/lane_sum.h"
#include "core/exec/reference/transformer_families.h"

#include <cmath>

namespace qs {
namespace {

constexpr const char *kMicrosoft = "com.microsoft";

/// x / sqrt(mean x² + epsilon) · scale along trailing axes, and optionally 1 / sqrt(…).
template <typename T>
Outputs rmsNormalize(const KernelCall &call, int axis, double epsilon, bool wantsInverse) {
    const Shape &shape = call[0].shape();
    Shape statistics = shape;
    for (int a = axis; a < shape.rank(); ++a)
        statistics[a] = 1;
    std::vector<Tensor> outputs(2);
    QS_TRY(outputs[0], call.allocate(dtypeOf<T>(), shape));
    if (wantsInverse) {
        QS_TRY(outputs[1], call.allocate(dtypeOf<T>(), statistics));
    }
    const std::int64_t length = shape.numelBetween(axis, shape.rank());
    const T *src = call[0].values<T>().data(), *scale = call[1].values<T>().data();
    T *dst = outputs[0].mutableValues<T>().data();
    T *inverses = wantsInverse ? outputs[1].mutableValues<T>().data() : nullptr;
    const std::int64_t grain = std::max<std::int64_t>(1, 8192 / std::max<std::int64_t>(1, length));
    QS_CHECK_OK(parallelFor(length == 0 ? 0 : shape.numelBetween(0, axis), grain, call.ctx,
                            [=](std::int64_t first, std::int64_t end) {
                                for (std::int64_t line = first; line < end; ++line) {
                                    const T *from = src + line * length;
                                    const double sum = laneSum(from, length, [](double v) { return v * v; });
                                    const double mean = sum / static_cast<double>(length);
                                    const T factor = static_cast<T>(1 / std::sqrt(mean + epsilon));
                                    for (std::int64_t i = 0; i < length; ++i)
                                        dst[line * length + i] = from[i] * factor * scale[i];
                                    if (inverses)
                                        inverses[line] = factor;
                                }
                            }));
    return outputs;
}

Result<Kernel> rmsNormalization(NodeReader &reader) {
    const std::int64_t axisGiven = reader.intAttribute("axis", -1);
    const double epsilon = reader.floatAttribute("epsilon", 1e-5);
    if (reader.intAttribute("stash_type", 1) != 1)
        return fail(ErrorCode::Unsupported, "stash_type other than float32");
    const bool wantsInverse = reader.hasOutput(1);
    return widenHalfTypes([=](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireSameType(call, 2));
        const Shape &shape = call[0].shape();
        QS_TRY(const int axis, normalizeAxis(axisGiven, shape.rank()));
        if (call[1].numel() != shape.numelBetween(axis, shape.rank()))
            return fail(ErrorCode::InvalidArgument, fmt::format("a scale of shape {} for x of shape {}",
                                                                call[1].shape().text(), shape.text()));
        return dispatch(FloatTypes{}, call[0].dtype(),
                        [&]<typename T>() { return rmsNormalize<T>(call, axis, epsilon, wantsInverse); });
    });
}

constexpr KernelEntry kEntries[] = {
    {"RMSNormalization", 23, rmsNormalization},
    // ONNX Runtime's own, in either domain.
    {"SimplifiedLayerNormalization", 1, rmsNormalization},
    {"SimplifiedLayerNormalization", 1, rmsNormalization, kMicrosoft},
};

} // namespace

KernelFamily rmsNormalizationKernels() {
    return kEntries;
}

} // namespace qs
