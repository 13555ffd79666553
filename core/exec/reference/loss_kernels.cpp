#include "core/exec/reference/families.h"
#include "core/exec/reference/softmax.h"

#include "core/exec/reference/dispatch.h"
#include "core/tensor/convert.h"

namespace qs {
namespace {

enum class LossReduction { None, Mean, Sum };

struct LossForm {
    LossReduction reduction = LossReduction::Mean;
    std::optional<std::int64_t> ignoredClass;

    static Result<LossForm> read(NodeReader &reader) {
        LossForm form;
        const std::string reduction = reader.stringAttribute("reduction", "mean");
        if (reduction == "none")
            form.reduction = LossReduction::None;
        else if (reduction == "sum")
            form.reduction = LossReduction::Sum;
        else if (reduction != "mean")
            return fail(ErrorCode::Unsupported, "reduction='" + reduction + "'");
        if (reader.hasAttribute("ignore_index"))
            form.ignoredClass = reader.intAttribute("ignore_index", 0);
        return form;
    }
};

/// Scores [N, C, d…], classes [N, d…], weights of classes [C].
Status checkLossOperands(const KernelCall &call) {
    QS_CHECK_OK(requireInputs(call, 2));
    const Shape &scores = call[0].shape();
    if (scores.rank() < 2)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("scores of shape {} have no axis of classes", scores.text()));
    std::vector<std::int64_t> wanted = scores.dims();
    wanted.erase(wanted.begin() + 1);
    if (call[1].shape().dims() != wanted)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("classes of shape {} do not fit scores of shape {}", call[1].shape().text(),
                                scores.text()));
    if (call.has(2) && (call[2].shape() != Shape{scores[1]} || call[2].dtype() != call[0].dtype()))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("weights must be {} [{}]", dtypeName(call[0].dtype()), scores[1]));
    return {};
}

/// -weight[class] · log probability of the class, from log probabilities [N, C, d…].
template <typename T>
Result<Tensor> negativeLogLikelihood(const KernelCall &call, const Tensor &logProbabilities,
                                     const LossForm &form) {
    const Shape &shape = logProbabilities.shape();
    const std::int64_t classes = shape[1], inner = shape.numelBetween(2, shape.rank());
    QS_TRY(const std::vector<std::int64_t> targets, toInt64Vector(call[1]));
    const T *src = logProbabilities.values<T>().data();
    const T *weights = call.has(2) ? call[2].values<T>().data() : nullptr;
    QS_TRY(Tensor losses, call.allocate(dtypeOf<T>(), call[1].shape()));
    const std::span<T> dst = losses.mutableValues<T>();
    double sum = 0, weightSum = 0;
    for (std::size_t i = 0; i < targets.size(); ++i) {
        const std::int64_t target = targets[i], at = static_cast<std::int64_t>(i);
        dst[i] = T(0);
        if (target == form.ignoredClass)
            continue;
        if (target < 0 || target >= classes)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("class {} of {} classes at element {}", target, classes, i));
        const double weight = weights ? static_cast<double>(weights[target]) : 1.0;
        const std::int64_t offset = (at / inner * classes + target) * inner + at % inner;
        const double loss = -weight * static_cast<double>(src[offset]);
        dst[i] = static_cast<T>(loss);
        sum += loss;
        weightSum += weight;
    }
    if (form.reduction == LossReduction::None)
        return losses;
    return Tensor::scalar(static_cast<T>(form.reduction == LossReduction::Sum ? sum : sum / weightSum));
}

Result<Kernel> logLikelihoodLoss(NodeReader &reader) {
    QS_TRY(const LossForm form, LossForm::read(reader));
    return widenHalfTypes([form](KernelCall &call) -> Outputs {
        QS_CHECK_OK(checkLossOperands(call));
        return dispatch(FloatTypes{}, call[0].dtype(), [&]<typename T>() -> Outputs {
            QS_TRY(Tensor loss, negativeLogLikelihood<T>(call, call[0], form));
            return std::vector<Tensor>{std::move(loss)};
        });
    });
}

Result<Kernel> crossEntropyLoss(NodeReader &reader) {
    QS_TRY(const LossForm form, LossForm::read(reader));
    return widenHalfTypes([form](KernelCall &call) -> Outputs {
        QS_CHECK_OK(checkLossOperands(call));
        QS_TRY(auto logProbabilities, logSoftmax(call, 1));
        return dispatch(FloatTypes{}, call[0].dtype(), [&]<typename T>() -> Outputs {
            QS_TRY(Tensor loss, negativeLogLikelihood<T>(call, logProbabilities[0], form));
            return std::vector<Tensor>{std::move(loss), logProbabilities[0]};
        });
    });
}

constexpr KernelEntry kEntries[] = {
    {"NegativeLogLikelihoodLoss", 12, logLikelihoodLoss},
    {"SoftmaxCrossEntropyLoss", 12, crossEntropyLoss},
};

} // namespace

KernelFamily lossKernels() {
    return kEntries;
}

} // namespace qs
