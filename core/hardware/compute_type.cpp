#include "core/hardware/compute_type.h"

namespace qs {

std::string_view computeTypeName(ComputeType type) {
    constexpr std::array<std::string_view, kComputeTypes.size()> kNames{"fp32", "tf32", "fp16", "bf16",
                                                                        "fp8",  "int8", "fp4",  "int4"};
    return kNames[static_cast<std::size_t>(type)];
}

std::optional<ComputeType> computeTypeFromName(std::string_view name) {
    for (const ComputeType type : kComputeTypes)
        if (computeTypeName(type) == name)
            return type;
    return std::nullopt;
}

} // namespace qs
