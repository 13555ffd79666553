#include "core/tensor/dtype.h"

#include "core/tensor/blocks/block_type.h"

#include <array>

namespace qs {
namespace {

struct TypeInfo {
    std::string_view name;
    int bits;
    bool floating;
};

// Indexed by the ONNX code.
constexpr std::array<TypeInfo, 27> kTypes{{
    {"undefined", 0, false},     {"float32", 32, true},   {"uint8", 8, false},
    {"int8", 8, false},          {"uint16", 16, false},   {"int16", 16, false},
    {"int32", 32, false},        {"int64", 64, false},    {"string", 0, false},
    {"bool", 8, false},          {"float16", 16, true},   {"float64", 64, true},
    {"uint32", 32, false},       {"uint64", 64, false},   {"complex64", 64, false},
    {"complex128", 128, false},  {"bfloat16", 16, true},  {"float8e4m3fn", 8, true},
    {"float8e4m3fnuz", 8, true}, {"float8e5m2", 8, true}, {"float8e5m2fnuz", 8, true},
    {"uint4", 4, false},         {"int4", 4, false},      {"float4e2m1", 4, true},
    {"float8e8m0", 8, true},     {"uint2", 2, false},     {"int2", 2, false},
}};

const TypeInfo &info(DType type) {
    const auto code = static_cast<std::size_t>(type);
    return kTypes[code < kTypes.size() ? code : 0];
}

} // namespace

std::string_view dtypeName(DType type) {
    if (const BlockFormat *format = blockFormatOf(type))
        return format->name;
    return info(type).name;
}

DType dtypeFromName(std::string_view name) {
    for (std::size_t code = 1; code < kTypes.size(); ++code)
        if (kTypes[code].name == name)
            return static_cast<DType>(code);
    if (const BlockFormat *format = findBlockFormat(name))
        return blockDType(format->type);
    return DType::Undefined;
}

int dtypeBits(DType type) {
    return info(type).bits;
}
bool isFloatingPoint(DType type) {
    return info(type).floating || blockFormatOf(type);
}
bool isKnownDType(std::int32_t onnxCode) {
    return onnxCode > 0 && onnxCode < static_cast<int>(kTypes.size());
}

} // namespace qs
