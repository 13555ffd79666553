#include "core/exec/reference/axes.h"
#include "core/exec/reference/copy.h"
#include "core/exec/reference/families.h"

#include "core/tensor/convert.h"

#include <cmath>
#include <cstring>

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

/// One element of a type as bytes. \error Unsupported  packed elements, strings
Result<Tensor> elementOf(DType type, double value) {
    QS_TRY(Tensor element, castTensor(Tensor::scalar(value), type));
    QS_CHECK_OK(requireWholeBytes(element));
    return element;
}

/// What PyTorch until 1.0 wrote for torch.zeros(), for example the first state of a recurrent net: an
/// experimental operator that no opset has defined.
Result<Kernel> constantFill(NodeReader &reader) {
    const std::int64_t code = reader.intAttribute("dtype", 1);
    if (code < 0 || code > 64)
        return fail(ErrorCode::Unsupported, fmt::format("element type {}", code));
    QS_TRY(const Tensor value, elementOf(static_cast<DType>(code), reader.floatAttribute("value", 0)));
    const bool isShape = reader.flag("input_as_shape", false);
    const auto given = reader.intsAttribute("shape").value_or(std::vector<std::int64_t>{});
    const auto extra = reader.intsAttribute("extra_shape").value_or(std::vector<std::int64_t>{});
    return Kernel([=](KernelCall &call) -> Outputs {
        std::vector<std::int64_t> dims = given;
        if (isShape) {
            QS_TRY(dims, integerOperand(call, 0));
        } else if (call.has(0)) {
            dims = call[0].shape().dims();
        }
        dims.insert(dims.end(), extra.begin(), extra.end());
        const std::vector<std::int64_t> strides(dims.size(), 0);
        return copyStrided(call, value, 0, Shape(std::move(dims)), strides);
    });
}

template <typename T>
Outputs rangeOf(const KernelCall &call) {
    const T start = call[0].values<T>()[0], limit = call[1].values<T>()[0], delta = call[2].values<T>()[0];
    const double count =
        std::ceil((static_cast<double>(limit) - static_cast<double>(start)) / static_cast<double>(delta));
    if (delta == T(0) || std::isnan(count) || std::fabs(count) > 9e15)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("a range from {} to {} by {}", start, limit, delta));
    QS_TRY(Tensor result,
           call.allocate(dtypeOf<T>(), Shape{std::max<std::int64_t>(0, static_cast<std::int64_t>(count))}));
    const std::span<T> dst = result.mutableValues<T>();
    for (std::size_t i = 0; i < dst.size(); ++i)
        dst[i] =
            wrappingAdd(start, wrappingMultiply(static_cast<T>(i), delta)); // the product may leave the type
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

Result<Kernel> eyeLike(NodeReader &reader) {
    const std::int64_t k = reader.intAttribute("k", 0), code = reader.intAttribute("dtype", 0);
    if (code < 0 || code > 64)
        return fail(ErrorCode::Unsupported, fmt::format("element type {}", code));
    return Kernel([k, given = static_cast<DType>(code)](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 1));
        const Shape &shape = call[0].shape();
        if (shape.rank() != 2)
            return fail(ErrorCode::InvalidArgument, fmt::format("shape {} is no matrix", shape.text()));
        QS_TRY(const Tensor one, elementOf(given == DType::Undefined ? call[0].dtype() : given, 1));
        QS_TRY(Tensor result, call.allocate(one.dtype(), shape));
        std::memset(result.mutableBytes(), 0, result.sizeBytes());
        const std::int64_t shift = std::clamp(k, -shape[0], shape[1]);
        for (std::int64_t row = std::max<std::int64_t>(0, -shift); row < shape[0] && row + shift < shape[1];
             ++row)
            std::memcpy(result.mutableBytes() +
                            static_cast<std::size_t>(row * shape[1] + row + shift) * one.sizeBytes(),
                        one.bytes(), one.sizeBytes());
        return std::vector<Tensor>{std::move(result)};
    });
}

/// Writes `on` where the new axis has the index of the element, elsewhere `off`.
template <typename T>
void fillOneHot(const AxisView &view, std::span<const std::int64_t> indices, const T *offOn, T *dst) {
    std::fill_n(dst, view.outer * view.length * view.inner, offOn[0]);
    for (std::size_t i = 0; i < indices.size(); ++i) {
        const auto at = static_cast<std::int64_t>(i);
        if (indices[i] >= 0 && indices[i] < view.length)
            dst[(at / view.inner * view.length + indices[i]) * view.inner + at % view.inner] = offOn[1];
    }
}

/// Since opset 11 negative indices count from the end; until then, as any other outside, they are off.
Result<Kernel> oneHot(NodeReader &reader) {
    const bool wraps = reader.opset() >= 11;
    return Kernel([wraps, axisGiven = reader.intAttribute("axis", -1)](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 3));
        QS_TRY(const Tensor depthTensor, castTensor(call[1], DType::Int64));
        const std::int64_t depth = depthTensor.numel() == 1 ? depthTensor.values<std::int64_t>()[0] : -1;
        if (depth < 0 || call[2].numel() != 2)
            return fail(ErrorCode::InvalidArgument, "depth must be a number >= 0 and values two numbers");
        QS_TRY(Tensor indices, castTensor(call[0], DType::Int64));
        std::vector<std::int64_t> dims = indices.shape().dims();
        QS_TRY(const int axis, normalizeAxis(axisGiven, indices.shape().rank() + 1));
        dims.insert(dims.begin() + axis, depth);
        const Shape shape(std::move(dims));
        QS_TRY(Tensor result, call.allocate(call[2].dtype(), shape));
        const std::span<const std::int64_t> given = indices.values<std::int64_t>();
        std::vector<std::int64_t> places(given.begin(), given.end());
        for (std::int64_t &place : places)
            place += wraps && place < 0 ? depth : 0;
        return dispatchSize(call[2].dtype(), [&]<typename T>() -> Outputs {
            fillOneHot(AxisView::of(shape, axis), places, reinterpret_cast<const T *>(call[2].bytes()),
                       reinterpret_cast<T *>(result.mutableBytes()));
            return std::vector<Tensor>{std::move(result)};
        });
    });
}

constexpr KernelEntry kEntries[] = {
    {"Constant", 1, constant}, {"ConstantOfShape", 9, constantOfShape},
    {"Range", 11, range},      {"EyeLike", 9, eyeLike},
    {"OneHot", 9, oneHot},     {"ConstantFill", 1, constantFill},
};

} // namespace

KernelFamily generatorKernels() {
    return kEntries;
}

} // namespace qs
