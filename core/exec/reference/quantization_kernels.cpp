#include "core/base/parallel.h"
#include "core/exec/reference/axes.h"
#include "core/exec/reference/families.h"
#include "core/exec/reference/packed_codes.h"
#include "core/exec/reference/quantization.h"

#include "core/tensor/convert.h"

#include <cmath>

namespace qs {
namespace {

/// Which scale belongs to which element: one for all, one per index of an axis, or one per block along it.
struct ScaleLayout {
    AxisView view;
    std::int64_t block =
        0; ///< elements along the axis that share a scale; the whole axis has `blocks` of them
    std::int64_t blocks = 1;
    bool perAxis = false; ///< scales are a list along the axis

    /// Scale of the elements with this outer and axis index; inner elements follow at `step()`.
    std::int64_t first(std::int64_t outer, std::int64_t at) const {
        return block > 0 ? (outer * blocks + at / block) * view.inner : perAxis ? at : 0;
    }
    std::int64_t step() const { return block > 0 ? 1 : 0; }
};

Result<ScaleLayout> scaleLayout(const KernelCall &call, std::int64_t axisGiven, std::int64_t blockSize) {
    const Shape &x = call[0].shape(), &scale = call[1].shape();
    if (call.has(2) && call[2].shape() != scale)
        return fail(ErrorCode::InvalidArgument, fmt::format("scales of shape {} with zero points of shape {}",
                                                            scale.text(), call[2].shape().text()));
    ScaleLayout layout;
    if (blockSize == 0 && scale.numel() == 1) {
        layout.view = {1, 1, x.numel()};
        return layout;
    }
    QS_TRY(const int axis, normalizeAxis(axisGiven, x.rank()));
    layout.view = AxisView::of(x, axis);
    Shape wanted{x[axis]};
    if (blockSize > 0) {
        layout.block = blockSize;
        layout.blocks = x[axis] == 0 ? 0 : (x[axis] - 1) / blockSize + 1;
        wanted = x;
        wanted[axis] = layout.blocks;
    }
    layout.perAxis = blockSize == 0;
    if (scale != wanted)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("scales of shape {} for x of shape {} along axis {}; needs {}", scale.text(),
                                x.text(), axis, wanted.text()));
    return layout;
}

/// Calls fn(element, scale index) for all elements; rows along the inner axis in parallel.
template <typename Fn>
Status forEachScaled(const ScaleLayout &layout, const RunContext &ctx, const Fn &fn) {
    const AxisView &view = layout.view;
    const auto line = [&](std::int64_t row, std::int64_t begin, std::int64_t end) {
        const std::int64_t scale = layout.first(row / view.length, row % view.length), step = layout.step();
        for (std::int64_t i = begin; i < end; ++i)
            fn(row * view.inner + i, scale + i * step);
    };
    constexpr std::int64_t kGrain = 32768;
    if (view.inner >= kGrain) {
        for (std::int64_t row = 0; row < view.outer * view.length; ++row)
            QS_CHECK_OK(parallelFor(view.inner, kGrain, ctx,
                                    [&](std::int64_t begin, std::int64_t end) { line(row, begin, end); }));
        return {};
    }
    return parallelFor(view.inner == 0 ? 0 : view.outer * view.length,
                       std::max<std::int64_t>(1, kGrain / std::max<std::int64_t>(1, view.inner)), ctx,
                       [&](std::int64_t begin, std::int64_t end) {
                           for (std::int64_t row = begin; row < end; ++row)
                               line(row, 0, view.inner);
                       });
}

struct CodeRange {
    float low, high;
};

std::optional<CodeRange> codeRange(DType type) {
    switch (type) {
    case DType::UInt8:
        return CodeRange{0, 255};
    case DType::Int8:
        return CodeRange{-128, 127};
    case DType::UInt16:
        return CodeRange{0, 65535};
    case DType::Int16:
        return CodeRange{-32768, 32767};
    case DType::UInt4:
        return CodeRange{0, 15};
    case DType::Int4:
        return CodeRange{-8, 7};
    case DType::UInt2:
        return CodeRange{0, 3};
    case DType::Int2:
        return CodeRange{-2, 1};
    default:
        return std::nullopt;
    }
}

/// code = saturate(round half to even(x / scale) + zero point), in float32.
Outputs quantize(const KernelCall &call, const ScaleLayout &layout, DType type) {
    const auto range = codeRange(type);
    if (!range)
        return fail(ErrorCode::Unsupported, fmt::format("quantization to {}", dtypeName(type)));
    QS_TRY(const Tensor x, toFloat32(call[0]));
    QS_TRY(const Tensor scales, toFloat32(call[1]));
    Tensor zeros = Tensor::zeros(DType::Float32, scales.shape());
    if (call.has(2)) {
        QS_TRY(zeros, toFloat32(call[2]));
    }
    QS_TRY(Tensor codes, call.allocate(DType::Int32, call[0].shape()));
    const float *src = x.values<float>().data(), *scale = scales.values<float>().data(),
                *zero = zeros.values<float>().data();
    std::int32_t *dst = codes.mutableValues<std::int32_t>().data();
    QS_CHECK_OK(forEachScaled(layout, call.ctx, [=, limits = *range](std::int64_t i, std::int64_t s) {
        const float code = std::nearbyint(src[i] / scale[s]) + zero[s];
        // Written so that NaN, too, ends inside the range.
        dst[i] = static_cast<std::int32_t>(code >= limits.low ? std::min(code, limits.high) : limits.low);
    }));
    QS_TRY(Tensor packed, packCodes(call, codes, type));
    return std::vector<Tensor>{std::move(packed)};
}

/// (code - zero point) · scale.
Outputs dequantize(const KernelCall &call, const ScaleLayout &layout) {
    QS_TRY(const Tensor codes, castTensor(call[0], DType::Int32));
    QS_TRY(const Tensor scales, toFloat32(call[1]));
    Tensor zeros = Tensor::zeros(DType::Int32, scales.shape());
    if (call.has(2)) {
        QS_TRY(zeros, castTensor(call[2], DType::Int32));
    }
    QS_TRY(Tensor result, call.allocate(DType::Float32, call[0].shape()));
    const std::int32_t *src = codes.values<std::int32_t>().data(),
                       *zero = zeros.values<std::int32_t>().data();
    const float *scale = scales.values<float>().data();
    float *dst = result.mutableValues<float>().data();
    QS_CHECK_OK(forEachScaled(layout, call.ctx, [=](std::int64_t i, std::int64_t s) {
        dst[i] = static_cast<float>(std::int64_t{src[i]} - zero[s]) * scale[s];
    }));
    return std::vector<Tensor>{std::move(result)};
}

/// Until opset 12 there is one scale for all; from 13 on scales may run along `axis`, from 21 on in blocks.
struct QuantizationForm {
    std::int64_t axis = 1, block = 0;
    DType output = DType::Undefined;

    static Result<QuantizationForm> read(NodeReader &reader) {
        QuantizationForm form{reader.intAttribute("axis", 1), reader.intAttribute("block_size", 0),
                              DType::Undefined};
        const std::int64_t type = reader.intAttribute("output_dtype", 0);
        if (form.block < 0 || type < 0 || type > std::numeric_limits<std::int32_t>::max())
            return fail(ErrorCode::Unsupported, "block_size or output_dtype out of range");
        form.output = static_cast<DType>(type);
        return form;
    }
};

Result<Kernel> quantizeLinear(NodeReader &reader) {
    QS_TRY(const QuantizationForm form, QuantizationForm::read(reader));
    if (!reader.flag("saturate", true) || reader.intAttribute("precision", 0) != 0)
        return fail(ErrorCode::Unsupported, "saturate=0 or a precision");
    return Kernel([form](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 2));
        QS_TRY(const ScaleLayout layout, scaleLayout(call, form.axis, form.block));
        const DType type = call.has(2)                       ? call[2].dtype()
                           : form.output != DType::Undefined ? form.output
                                                             : DType::UInt8;
        return quantize(call, layout, type);
    });
}

Result<Kernel> dequantizeLinear(NodeReader &reader) {
    QS_TRY(const QuantizationForm form, QuantizationForm::read(reader));
    if (form.output != DType::Undefined && form.output != DType::Float32)
        return fail(ErrorCode::Unsupported, "an output_dtype other than float32");
    return widenHalfTypes([form](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 2));
        if (isFloatingPoint(call[0].dtype()) || (call.has(2) && call[2].dtype() != call[0].dtype()))
            return fail(ErrorCode::Unsupported, fmt::format("codes of type {}", dtypeName(call[0].dtype())));
        QS_TRY(const ScaleLayout layout, scaleLayout(call, form.axis, form.block));
        return dequantize(call, layout);
    });
}

/// uint8 codes whose range is that of the tensor, widened to contain 0.
Result<Kernel> dynamicQuantizeLinear(NodeReader &) {
    return Kernel([](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 1));
        if (call[0].dtype() != DType::Float32)
            return fail(ErrorCode::InvalidArgument, "the operand must be float32");
        float low = 0, high = 0;
        for (const float x : call[0].values<float>()) {
            low = std::min(low, x);
            high = std::max(high, x);
        }
        const float scale = low == high ? 1.0f : (high - low) / 255.0f;
        const float place = -low / scale; // NaN between infinities
        const float zero = place > 0 ? std::nearbyint(std::min(place, 255.0f)) : 0.0f;
        Tensor operands[] = {call[0], Tensor::scalar(scale), Tensor::scalar(static_cast<std::uint8_t>(zero))};
        const KernelCall step{operands, call.ctx, call.pool, call.limitBytes};
        QS_TRY(const ScaleLayout layout, scaleLayout(step, 0, 0));
        QS_TRY(auto outputs, quantize(step, layout, DType::UInt8));
        outputs.push_back(operands[1]);
        outputs.push_back(operands[2]);
        return outputs;
    });
}

constexpr KernelEntry kEntries[] = {
    {"QuantizeLinear", 10, quantizeLinear},
    {"DequantizeLinear", 10, dequantizeLinear},
    {"DynamicQuantizeLinear", 11, dynamicQuantizeLinear},
};

} // namespace

Outputs quantizeToCodes(const KernelCall &call) {
    QS_CHECK_OK(requireInputs(call, 3));
    QS_TRY(const ScaleLayout layout, scaleLayout(call, 0, 0));
    return quantize(call, layout, call[2].dtype());
}

KernelFamily quantizationKernels() {
    return kEntries;
}

} // namespace qs
