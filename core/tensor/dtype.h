#pragma once

#include <cstdint>
#include <string_view>

namespace qs {

/// Element types of tensors. Values are the ONNX TensorProto.DataType codes, so files need no table.
enum class DType : std::int32_t {
    Undefined = 0,
    Float32 = 1,
    UInt8 = 2,
    Int8 = 3,
    UInt16 = 4,
    Int16 = 5,
    Int32 = 6,
    Int64 = 7,
    String = 8,
    Bool = 9,
    Float16 = 10,
    Float64 = 11,
    UInt32 = 12,
    UInt64 = 13,
    Complex64 = 14,
    Complex128 = 15,
    BFloat16 = 16,
    Float8E4M3FN = 17,
    Float8E4M3FNUZ = 18,
    Float8E5M2 = 19,
    Float8E5M2FNUZ = 20,
    UInt4 = 21,
    Int4 = 22,
    Float4E2M1 = 23,
    Float8E8M0 = 24,
    UInt2 = 25,
    Int2 = 26,
};

/// "float32", "int4", …; "undefined" for anything unknown.
std::string_view dtypeName(DType type);
/// The inverse of dtypeName; Undefined when there is no such type.
DType dtypeFromName(std::string_view name);
/// Bits per element; 0 for String and Undefined.
int dtypeBits(DType type);
bool isFloatingPoint(DType type);
/// Whether the code is one of the enumerators above, Undefined excepted.
bool isKnownDType(std::int32_t onnxCode);

template <typename T>
constexpr DType dtypeOf();
// clang-format off
template <> constexpr DType dtypeOf<float>() { return DType::Float32; }
template <> constexpr DType dtypeOf<double>() { return DType::Float64; }
template <> constexpr DType dtypeOf<std::uint8_t>() { return DType::UInt8; }
template <> constexpr DType dtypeOf<std::int8_t>() { return DType::Int8; }
template <> constexpr DType dtypeOf<std::uint16_t>() { return DType::UInt16; }
template <> constexpr DType dtypeOf<std::int16_t>() { return DType::Int16; }
template <> constexpr DType dtypeOf<std::uint32_t>() { return DType::UInt32; }
template <> constexpr DType dtypeOf<std::int32_t>() { return DType::Int32; }
template <> constexpr DType dtypeOf<std::uint64_t>() { return DType::UInt64; }
template <> constexpr DType dtypeOf<std::int64_t>() { return DType::Int64; }
template <> constexpr DType dtypeOf<bool>() { return DType::Bool; }
// clang-format on

} // namespace qs
