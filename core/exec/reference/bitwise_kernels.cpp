#include "core/exec/reference/binary_elementwise.h"
#include "core/exec/reference/elementwise.h"
#include "core/exec/reference/families.h"

namespace qs {
namespace {

using UnsignedTypes = Types<std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t>;

template <typename TypeList, typename Fn>
Kernel bitwiseKernel(Fn fn) {
    return [fn](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireSameType(call, 2));
        return dispatch(TypeList{}, call[0].dtype(),
                        [&]<typename T>() { return broadcastBinary<T, T>(call, fn); });
    };
}

/// Bits that leave an element are lost; a shift by all bits or more leaves none.
constexpr auto kShiftLeft = []<typename T>(T x, T bits) {
    return bits < 8 * sizeof(T) ? static_cast<T>(static_cast<std::uint64_t>(x) << bits) : T(0);
};
constexpr auto kShiftRight = []<typename T>(T x, T bits) {
    return bits < 8 * sizeof(T) ? static_cast<T>(x >> bits) : T(0);
};

Result<Kernel> bitShift(NodeReader &reader) {
    const std::string direction = reader.stringAttribute("direction", "");
    if (direction == "LEFT")
        return bitwiseKernel<UnsignedTypes>(kShiftLeft);
    if (direction == "RIGHT")
        return bitwiseKernel<UnsignedTypes>(kShiftRight);
    return fail(ErrorCode::Unsupported, "direction='" + direction + "'");
}

constexpr auto kAnd = []<typename T>(T a, T b) { return static_cast<T>(a & b); };
constexpr auto kOr = []<typename T>(T a, T b) { return static_cast<T>(a | b); };
constexpr auto kXor = []<typename T>(T a, T b) { return static_cast<T>(a ^ b); };
constexpr auto kNot = []<typename T>(T x) { return static_cast<T>(~x); };

template <auto Fn>
Result<Kernel> bitwise(NodeReader &) {
    return bitwiseKernel<IntegerTypes>(Fn);
}

constexpr KernelEntry kEntries[] = {
    {"BitShift", 11, bitShift},
    {"BitwiseAnd", 18, bitwise<kAnd>},
    {"BitwiseOr", 18, bitwise<kOr>},
    {"BitwiseXor", 18, bitwise<kXor>},
    {"BitwiseNot", 18, elementUnary<IntegerTypes, kNot>},
};

} // namespace

KernelFamily bitwiseKernels() {
    return kEntries;
}

} // namespace qs
