#pragma once

#include "core/exec/kernel.h"

#include <concepts>
#include <fmt/format.h>
#include <limits>

namespace qs {

/// Lists of element types that a kernel is compiled for.
template <typename... Ts>
struct Types {};

using FloatTypes = Types<float, double>;
using IntegerTypes = Types<std::int8_t, std::int16_t, std::int32_t, std::int64_t, std::uint8_t, std::uint16_t,
                           std::uint32_t, std::uint64_t>;
using SignedTypes = Types<float, double, std::int8_t, std::int16_t, std::int32_t, std::int64_t>;
using NumberTypes = Types<float, double, std::int8_t, std::int16_t, std::int32_t, std::int64_t, std::uint8_t,
                          std::uint16_t, std::uint32_t, std::uint64_t>;
using NumberAndBoolTypes = Types<float, double, std::int8_t, std::int16_t, std::int32_t, std::int64_t,
                                 std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t, bool>;

/// Calls fn.operator()<T>() for the T that the element type names.
/// \error Unsupported  the type is not in the list
template <typename... Ts, typename Fn>
Outputs dispatch(Types<Ts...>, DType type, Fn &&fn) {
    Outputs result =
        fail(ErrorCode::Unsupported, fmt::format("elements of type {} are not supported", dtypeName(type)));
    (void)((dtypeOf<Ts>() == type && (result = fn.template operator()<Ts>(), true)) || ...);
    return result;
}

/// Calls fn.operator()<T>() with an unsigned T of the element's size: for kernels that only move elements.
/// \error Unsupported  packed elements (int4), strings
template <typename Fn>
Outputs dispatchSize(DType type, Fn &&fn) {
    switch (dtypeBits(type)) {
    case 8:
        return type == DType::Undefined ? fail(ErrorCode::Unsupported, "no type")
                                        : fn.template operator()<std::uint8_t>();
    case 16:
        return fn.template operator()<std::uint16_t>();
    case 32:
        return fn.template operator()<std::uint32_t>();
    case 64:
        return fn.template operator()<std::uint64_t>();
    default:
        return fail(ErrorCode::Unsupported,
                    fmt::format("elements of type {} cannot be moved", dtypeName(type)));
    }
}

/// Where sums of T are kept: double, or 64-bit integers that wrap around.
template <typename T>
using Accumulator =
    std::conditional_t<std::floating_point<T>, double,
                       std::conditional_t<std::signed_integral<T>, std::int64_t, std::uint64_t>>;

/// a + b and a · b; integers wrap around like two's complement hardware does, without undefined behaviour.
template <typename T>
constexpr T wrappingAdd(T a, T b) {
    if constexpr (std::integral<T>)
        return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
    else
        return a + b;
}
template <typename T>
constexpr T wrappingMultiply(T a, T b) {
    if constexpr (std::integral<T>)
        return static_cast<T>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
    else
        return a * b;
}

/// Makes a float32 kernel take float16 and bfloat16 operands too: they are widened, float32 results narrowed.
Kernel widenHalfTypes(Kernel kernel);

/// \error InvalidArgument  fewer operands than the operator needs
Status requireInputs(const KernelCall &call, std::size_t count);
/// requireInputs, and all of those have the same element type.
Status requireSameType(const KernelCall &call, std::size_t count);

/// The integers in an operand such as `axes` or `shape`, which must have rank 0 or 1.
Result<std::vector<std::int64_t>> integerOperand(const KernelCall &call, std::size_t index);
/// The only integer in an operand such as `axis` or `frame_length`.
Result<std::int64_t> integerScalar(const KernelCall &call, std::size_t index);

} // namespace qs
