#include "core/exec/reference/dispatch.h"
#include "core/exec/reference/families.h"

#include "core/tensor/convert.h"

namespace qs {
namespace {

Outputs castTo(KernelCall &call, DType type) {
    QS_CHECK_OK(requireInputs(call, 1));
    QS_TRY(Tensor result, castTensor(call[0], type));
    return std::vector<Tensor>{std::move(result)};
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
    if (type == DType::String || dtypeBits(type) > 64 || dtypeBits(type) < 8 || type == DType::Complex64)
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
