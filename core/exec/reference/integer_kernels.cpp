#include "core/exec/reference/binary_elementwise.h"
#include "core/exec/reference/convolution.h"
#include "core/exec/reference/families.h"
#include "core/exec/reference/matmul_shape.h"
#include "core/exec/reference/quantization.h"

#include "core/tensor/convert.h"

namespace qs {
namespace {

KernelCall stepOf(const KernelCall &call, std::span<Tensor> operands) {
    return {operands, call.ctx, call.pool, call.limitBytes};
}

/// A list of several numbers gets the shape that lays it along an axis of a tensor.
Tensor alongAxis(const Tensor &list, int rank, int axis) {
    if (list.shape().rank() != 1 || list.numel() <= 1 || axis < 0 || axis >= rank)
        return list;
    Shape shape(std::vector<std::int64_t>(static_cast<std::size_t>(rank), 1));
    shape[axis] = list.numel();
    return list.reshaped(shape);
}

/// a ∘ b where b broadcasts to the shape of a.
template <typename T, typename Fn>
Result<Tensor> combineInto(const KernelCall &call, Tensor a, Tensor b, const char *what, const Fn &fn) {
    const auto fit = broadcastShapes(a.shape(), b.shape());
    if (!fit || *fit != a.shape())
        return fail(ErrorCode::InvalidArgument, fmt::format("{} of shape {} for values of shape {}", what,
                                                            b.shape().text(), a.shape().text()));
    Tensor pair[] = {std::move(a), std::move(b)};
    KernelCall step = stepOf(call, pair);
    QS_TRY(auto outputs, (broadcastBinary<T, T>(step, fn)));
    return std::move(outputs[0]);
}

/// An 8-bit operand as int32, its zero points subtracted. They are one number, a list along an axis, or have
/// any shape that broadcasts.
Result<Tensor> withoutZeroPoint(const KernelCall &call, std::size_t operand, std::size_t zeroPoint,
                                int axis) {
    const DType type = call[operand].dtype();
    if (type != DType::Int8 && type != DType::UInt8)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("input {} must be int8 or uint8, found {}", operand, dtypeName(type)));
    QS_TRY(Tensor values, castTensor(call[operand], DType::Int32));
    if (!call.has(zeroPoint))
        return values;
    if (call[zeroPoint].dtype() != type)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("input {} must be {} as input {}", zeroPoint, dtypeName(type), operand));
    QS_TRY(const Tensor zeros, castTensor(call[zeroPoint], DType::Int32));
    const Tensor laid = alongAxis(zeros, values.shape().rank(), axis);
    return combineInto<std::int32_t>(call, std::move(values), laid, "zero points",
                                     [](std::int32_t a, std::int32_t b) { return a - b; });
}

/// Sums of products of codes to codes of the result: x · (scaleA · scaleB / scaleY) + zero point. The factor
/// is rounded to float32 once, as in ONNX Runtime, whose codes these are.
struct Requantization {
    Tensor scaleA, scaleB;             ///< shapes that broadcast to that of the sums
    std::size_t scaleY = 0, zeroY = 0; ///< operands of the call, one number each

    Outputs apply(const KernelCall &call, const Tensor &sums) const {
        QS_TRY(const Tensor outputScale, toFloat32(call[scaleY]));
        if (outputScale.numel() != 1 || call[zeroY].numel() != 1)
            return fail(ErrorCode::Unsupported, "a result with more than one scale");
        QS_TRY(Tensor x, toFloat32(sums));
        QS_TRY(const Tensor a, toFloat32(scaleA));
        QS_TRY(const Tensor b, toFloat32(scaleB));
        QS_TRY(Tensor factor, scaleProduct(call, a, b, outputScale.values<float>()[0]));
        QS_TRY(x, combineInto<float>(call, std::move(x), std::move(factor), "scales",
                                     [](float value, float scale) { return value * scale; }));
        Tensor operands[] = {std::move(x), Tensor::scalar(1.0f), call[zeroY].reshaped(Shape{})};
        return quantizeToCodes(stepOf(call, operands));
    }

private:
    static Result<Tensor> scaleProduct(const KernelCall &call, const Tensor &a, const Tensor &b, float y) {
        Tensor pair[] = {a, b};
        KernelCall step = stepOf(call, pair);
        QS_TRY(auto outputs, (broadcastBinary<float, float>(
                                 step, [y](float left, float right) { return left * right / y; })));
        return std::move(outputs[0]);
    }
};

/// \param zeroA, zeroB  operands that hold the zero points
Outputs multiplyCodes(const KernelCall &call, std::size_t a, std::size_t zeroA, std::size_t b,
                      std::size_t zeroB) {
    QS_TRY(const MatmulShape plan, MatmulShape::of(call[a].shape(), call[b].shape()));
    Tensor operands[2];
    QS_TRY(operands[0], withoutZeroPoint(call, a, zeroA, call[a].shape().rank() - 2));
    QS_TRY(operands[1], withoutZeroPoint(call, b, zeroB, call[b].shape().rank() - 1));
    return multiplyInt32(stepOf(call, operands), plan);
}

Result<Kernel> matmulInteger(NodeReader &) {
    return Kernel([](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 2));
        return multiplyCodes(call, 0, 2, 1, 3);
    });
}

/// a, its scale and zero point, b, its scale and zero point, scale and zero point of the result. Scales are
/// one number, one per row of a, or one per column of b.
Result<Kernel> linearMatmul(NodeReader &) {
    return Kernel([](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 8));
        QS_TRY(const auto sums, multiplyCodes(call, 0, 2, 3, 5));
        const int rank = sums[0].shape().rank();
        if (call[0].shape().rank() == 1 && call[1].numel() > 1)
            return fail(ErrorCode::InvalidArgument, "a vector has one scale");
        const Requantization requantization{alongAxis(call[1], rank, rank - 2),
                                            alongAxis(call[4], rank, rank - 1), 6, 7};
        return requantization.apply(call, sums[0]);
    });
}

/// \param bias  operand that holds int32 numbers in steps of the two scales; one beyond the last for none
Outputs convolveCodes(const KernelCall &call, const WindowAttributes &attributes, std::int64_t group,
                      std::array<std::size_t, 5> at) {
    const auto [x, zeroX, w, zeroW, bias] = at;
    Tensor operands[3];
    QS_TRY(operands[0], withoutZeroPoint(call, x, zeroX, -1));
    QS_TRY(operands[1], withoutZeroPoint(call, w, zeroW, 0));
    operands[2] = call[bias];
    const KernelCall step = stepOf(call, operands);
    QS_TRY(const ConvolutionPlan plan, planConvolution(step, attributes, group));
    return convolveInt32(step, plan);
}

Result<Kernel> convInteger(NodeReader &reader) {
    QS_TRY(const WindowAttributes attributes, WindowAttributes::read(reader));
    return Kernel([attributes, group = reader.intAttribute("group", 1)](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 2));
        return convolveCodes(call, attributes, group, {0, 2, 1, 3, 4});
    });
}

/// x, its scale and zero point, w, its scale and zero point, scale and zero point of the result, bias. Scale
/// and zero point of w are one number or one per output channel.
Result<Kernel> linearConvolution(NodeReader &reader) {
    QS_TRY(const WindowAttributes attributes, WindowAttributes::read(reader));
    return Kernel([attributes, group = reader.intAttribute("group", 1)](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 8));
        if (call[1].numel() != 1 || call[2].numel() != 1)
            return fail(ErrorCode::InvalidArgument, "x must have one scale and one zero point");
        QS_TRY(const auto sums, convolveCodes(call, attributes, group, {0, 2, 3, 5, 8}));
        const Requantization requantization{call[1].reshaped(Shape{}),
                                            alongAxis(call[4], sums[0].shape().rank(), 1), 6, 7};
        return requantization.apply(call, sums[0]);
    });
}

constexpr KernelEntry kEntries[] = {
    {"MatMulInteger", 10, matmulInteger},
    {"QLinearMatMul", 10, linearMatmul},
    {"ConvInteger", 10, convInteger},
    {"QLinearConv", 10, linearConvolution},
};

} // namespace

KernelFamily integerKernels() {
    return kEntries;
}

} // namespace qs
