#include "core/exec/reference/dispatch.h"

#include "core/tensor/convert.h"

namespace qs {
namespace {

bool isHalf(DType type) {
    return type == DType::Float16 || type == DType::BFloat16;
}

} // namespace

Kernel widenHalfTypes(Kernel kernel) {
    return [kernel = std::move(kernel)](KernelCall &call) -> Outputs {
        DType half = DType::Undefined;
        for (Tensor &input : call.inputs)
            if (!input.empty() && isHalf(input.dtype())) {
                half = input.dtype();
                QS_TRY(input, toFloat32(input));
            }
        auto outputs = kernel(call);
        if (half == DType::Undefined || !outputs)
            return outputs;
        for (Tensor &output : *outputs)
            if (!output.empty() && output.dtype() == DType::Float32) {
                QS_TRY(output, castTensor(output, half));
            }
        return outputs;
    };
}

Status requireInputs(const KernelCall &call, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
        if (!call.has(i))
            return fail(ErrorCode::InvalidArgument, fmt::format("input {} is missing", i));
    return {};
}

Status requireSameType(const KernelCall &call, std::size_t count) {
    QS_CHECK_OK(requireInputs(call, count));
    for (std::size_t i = 1; i < count; ++i)
        if (call[i].dtype() != call[0].dtype())
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("inputs have the types {} and {}; they must be equal",
                                    dtypeName(call[0].dtype()), dtypeName(call[i].dtype())));
    return {};
}

Result<std::vector<std::int64_t>> integerOperand(const KernelCall &call, std::size_t index) {
    if (!call.has(index))
        return fail(ErrorCode::InvalidArgument, fmt::format("input {} is missing", index));
    if (call[index].shape().rank() > 1)
        return fail(ErrorCode::InvalidArgument, fmt::format("input {} must be a list, found shape {}", index,
                                                            call[index].shape().text()));
    auto values = toInt64Vector(call[index]);
    if (!values)
        return fail(std::move(values).error().withContext(fmt::format("input {}", index)));
    return values;
}

Result<std::int64_t> integerScalar(const KernelCall &call, std::size_t index) {
    QS_TRY(const std::vector<std::int64_t> values, integerOperand(call, index));
    if (values.size() != 1)
        return fail(ErrorCode::InvalidArgument, fmt::format("input {} must be one number", index));
    return values[0];
}

} // namespace qs
