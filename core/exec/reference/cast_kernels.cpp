#include "core/exec/reference/dispatch.h"
#include "core/exec/reference/families.h"
#include "core/exec/reference/packed_codes.h"

#include "core/tensor/convert.h"

namespace qs {
namespace {

bool isPackedInteger(DType type) {
    return type == DType::Int4 || type == DType::UInt4 || type == DType::Int2 || type == DType::UInt2;
}

/// Integers lose their upper bits on the way to packed types. How floats are rounded there is not agreed on:
/// the standard truncates, its tests round.
Outputs castTo(KernelCall &call, DType type) {
    QS_CHECK_OK(requireInputs(call, 1));
    if (!isPackedInteger(type) || call[0].dtype() == type) {
        QS_TRY(Tensor result, castTensor(call[0], type));
        return std::vector<Tensor>{std::move(result)};
    }
    if (isFloatingPoint(call[0].dtype()))
        return fail(ErrorCode::Unsupported,
                    fmt::format("cast from {} to {}", dtypeName(call[0].dtype()), dtypeName(type)));
    QS_TRY(const auto values, toInt64Vector(call[0]));
    QS_TRY(Tensor codes, call.allocate(DType::Int32, call[0].shape()));
    std::ranges::transform(values, codes.mutableValues<std::int32_t>().begin(),
                           [](std::int64_t value) { return static_cast<std::int32_t>(value & 15); });
    QS_TRY(Tensor packed, packCodes(call, codes, type));
    return std::vector<Tensor>{std::move(packed)};
}

Status requireSaturation(NodeReader &reader) {
    if (!reader.flag("saturate", true))
        return fail(ErrorCode::Unsupported, "saturate=0");
    return {};
}

Result<Kernel> cast(NodeReader &reader) {
    if (reader.opset() < 6)
        return fail(ErrorCode::Unsupported, "Cast of opset 5 and older");
    const std::int64_t code = reader.intAttribute("to", 0);
    if (code < 0 || code > std::numeric_limits<std::int32_t>::max() ||
        !isKnownDType(static_cast<std::int32_t>(code)))
        return fail(ErrorCode::Unsupported, fmt::format("element type {}", code));
    const auto type = static_cast<DType>(code);
    const bool narrow = dtypeBits(type) < 8 && !isPackedInteger(type);
    if (type == DType::String || dtypeBits(type) > 64 || narrow || type == DType::Complex64)
        return fail(ErrorCode::Unsupported, fmt::format("cast to {}", dtypeName(type)));
    QS_CHECK_OK(requireSaturation(reader));
    return Kernel([type](KernelCall &call) { return castTo(call, type); });
}

Result<Kernel> castLike(NodeReader &reader) {
    QS_CHECK_OK(requireSaturation(reader));
    return Kernel([](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 2));
        return castTo(call, call[1].dtype());
    });
}

constexpr KernelEntry kEntries[] = {
    {"Cast", 1, cast},
    {"CastLike", 15, castLike},
};

} // namespace

KernelFamily castKernels() {
    return kEntries;
}

} // namespace qs
