#include "core/exec/reference/copy.h"
#include "core/exec/reference/families.h"

#include <cmath>

namespace qs {
namespace {

/// The value of a Constant node, whatever attribute holds it.
Result<Tensor> constantValue(NodeReader &reader) {
    if (const Tensor *value = reader.tensorAttribute("value"))
        return *value;
    if (reader.hasAttribute("value_float"))
        return Tensor::scalar(static_cast<float>(reader.floatAttribute("value_float", 0)));
    if (reader.hasAttribute("value_int"))
        return Tensor::scalar(reader.intAttribute("value_int", 0));
    if (const auto ints = reader.intsAttribute("value_ints"))
        return Tensor::fromValues<std::int64_t>(Shape{static_cast<std::int64_t>(ints->size())}, *ints);
    if (const auto floats = reader.floatsAttribute("value_floats")) {
        const std::vector<float> values(floats->begin(), floats->end());
        return Tensor::fromValues<float>(Shape{static_cast<std::int64_t>(values.size())}, values);
    }
    return fail(ErrorCode::Unsupported, "a value that is no dense tensor of numbers");
}

Result<Kernel> constant(NodeReader &reader) {
    QS_TRY(Tensor value, constantValue(reader));
    return Kernel([value](KernelCall &) -> Outputs { return std::vector<Tensor>{value}; });
}

Result<Kernel> constantOfShape(NodeReader &reader) {
    const Tensor *given = reader.tensorAttribute("value");
    const Tensor value = given ? *given : Tensor::scalar(0.0f);
    if (value.numel() != 1)
        return fail(ErrorCode::Unsupported, "a value of more than one element");
    QS_CHECK_OK(requireWholeBytes(value));
    return Kernel([value](KernelCall &call) -> Outputs {
        QS_TRY(std::vector<std::int64_t> dims, integerOperand(call, 0));
        Shape shape(std::move(dims));
        const std::vector<std::int64_t> strides(static_cast<std::size_t>(shape.rank()), 0);
        return copyStrided(call, value, 0, shape, strides);
    });
}

template <typename T>
Outputs rangeOf(const KernelCall &call) {
    const T start = call[0].values<T>()[0], limit = call[1].values<T>()[0], delta = call[2].values<T>()[0];
    const double count =
        std::ceil((static_cast<double>(limit) - static_cast<double>(start)) / static_cast<double>(delta));
    if (delta == T(0) || std::isnan(count) || count > 9e15)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("a range from {} to {} by {}", start, limit, delta));
    QS_TRY(Tensor result,
           call.allocate(dtypeOf<T>(), Shape{std::max<std::int64_t>(0, static_cast<std::int64_t>(count))}));
    const std::span<T> dst = result.mutableValues<T>();
    for (std::size_t i = 0; i < dst.size(); ++i)
        dst[i] = static_cast<T>(start + static_cast<T>(i) * delta);
    return std::vector<Tensor>{std::move(result)};
}

Result<Kernel> range(NodeReader &) {
    return Kernel([](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireSameType(call, 3));
        for (std::size_t i = 0; i < 3; ++i)
            if (call[i].numel() != 1)
                return fail(ErrorCode::InvalidArgument, "start, limit and delta must be scalars");
        return dispatch(Types<float, double, std::int16_t, std::int32_t, std::int64_t>{}, call[0].dtype(),
                        [&]<typename T>() { return rangeOf<T>(call); });
    });
}

constexpr KernelEntry kEntries[] = {
    {"Constant", 1, constant},
    {"ConstantOfShape", 9, constantOfShape},
    {"Range", 11, range},
};

} // namespace

KernelFamily generatorKernels() {
    return kEntries;
}

} // namespace qs
