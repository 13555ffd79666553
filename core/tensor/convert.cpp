#include "core/tensor/convert.h"

#include "core/base/parallel.h"
#include "core/tensor/blocks/block_codec.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <limits>
#include <type_traits>

namespace qs {
namespace {

/// Decoding rule of a small float: exponent and mantissa widths, bias and what its special codes mean.
struct SmallFloat {
    int exponentBits, mantissaBits, bias;
    enum class Special { NanAtAllOnes, NanAtNegativeZero, Ieee } special;
};

constexpr SmallFloat kE4M3FN{4, 3, 7, SmallFloat::Special::NanAtAllOnes};
constexpr SmallFloat kE4M3FNUZ{4, 3, 8, SmallFloat::Special::NanAtNegativeZero};
constexpr SmallFloat kE5M2{5, 2, 15, SmallFloat::Special::Ieee};
constexpr SmallFloat kE5M2FNUZ{5, 2, 16, SmallFloat::Special::NanAtNegativeZero};

float decodeSmall(const SmallFloat &format, std::uint8_t code) {
    const int magnitude = code & 0x7F;
    const int mantissa = magnitude & ((1 << format.mantissaBits) - 1);
    const int exponent = magnitude >> format.mantissaBits;
    const float sign = code & 0x80 ? -1.0f : 1.0f;
    constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
    if (format.special == SmallFloat::Special::NanAtAllOnes && magnitude == 0x7F)
        return kNan;
    if (format.special == SmallFloat::Special::NanAtNegativeZero && code == 0x80)
        return kNan;
    if (format.special == SmallFloat::Special::Ieee && exponent == (1 << format.exponentBits) - 1)
        return mantissa ? kNan : sign * std::numeric_limits<float>::infinity();
    const float fraction = static_cast<float>(mantissa) / static_cast<float>(1 << format.mantissaBits);
    return exponent == 0 ? sign * std::ldexp(fraction, 1 - format.bias)
                         : sign * std::ldexp(1.0f + fraction, exponent - format.bias);
}

/// Nearest code of a finite or infinite value, ties to even, saturating: codes 0..127 ascend in value.
std::uint8_t encodeSmall(const SmallFloat &format, float value) {
    const bool fnuz = format.special == SmallFloat::Special::NanAtNegativeZero;
    if (std::isnan(value))
        return fnuz ? 0x80 : 0x7F;
    std::uint8_t highest = 0x7F;
    while (!std::isfinite(decodeSmall(format, highest)))
        --highest;
    const float magnitude = std::fabs(value);
    std::uint8_t low = 0, high = highest;
    while (low < high) {
        const auto middle = static_cast<std::uint8_t>((low + high + 1) / 2);
        if (decodeSmall(format, middle) <= magnitude)
            low = middle;
        else
            high = static_cast<std::uint8_t>(middle - 1);
    }
    std::uint8_t code = low;
    if (code < highest) {
        const double below = decodeSmall(format, code),
                     above = decodeSmall(format, static_cast<std::uint8_t>(code + 1));
        const double down = magnitude - below, up = above - magnitude;
        if (up < down || (up == down && (code & 1)))
            ++code;
    }
    if (std::signbit(value) && !(fnuz && code == 0))
        code |= 0x80;
    return code;
}

const SmallFloat *smallFloat(DType type) {
    switch (type) {
    case DType::Float8E4M3FN:
        return &kE4M3FN;
    case DType::Float8E4M3FNUZ:
        return &kE4M3FNUZ;
    case DType::Float8E5M2:
        return &kE5M2;
    case DType::Float8E5M2FNUZ:
        return &kE5M2FNUZ;
    default:
        return nullptr;
    }
}

constexpr std::array<float, 16> kE2M1{0, 0.5f, 1, 1.5f, 2, 3, 4, 6, -0.0f, -0.5f, -1, -1.5f, -2, -3, -4, -6};

/// Value of a packed sub-byte element.
template <typename Out>
Out unpack(DType type, const std::byte *bytes, std::int64_t index) {
    const int bits = dtypeBits(type);
    const std::int64_t bit = index * bits;
    const int code = (std::to_integer<int>(bytes[bit / 8]) >> (bit % 8)) & ((1 << bits) - 1);
    if (type == DType::Float4E2M1)
        return static_cast<Out>(kE2M1[static_cast<std::size_t>(code)]);
    const bool isSigned = type == DType::Int4 || type == DType::Int2;
    return static_cast<Out>(isSigned && code >= (1 << (bits - 1)) ? code - (1 << bits) : code);
}

/// Calls fn(readElement) with a function that gives element i as double, or int64 for wide integers.
template <typename Fn>
bool withReader(const Tensor &tensor, Fn &&fn) {
    const std::byte *bytes = tensor.bytes();
    auto plain = [&]<typename T>(T) {
        fn([values = reinterpret_cast<const T *>(bytes)](std::int64_t i) { return values[i]; });
        return true;
    };
    switch (tensor.dtype()) {
    case DType::Float32:
        return plain(float{});
    case DType::Float64:
        return plain(double{});
    case DType::UInt8:
        return plain(std::uint8_t{});
    case DType::Int8:
        return plain(std::int8_t{});
    case DType::UInt16:
        return plain(std::uint16_t{});
    case DType::Int16:
        return plain(std::int16_t{});
    case DType::UInt32:
        return plain(std::uint32_t{});
    case DType::Int32:
        return plain(std::int32_t{});
    case DType::UInt64:
        return plain(std::uint64_t{});
    case DType::Int64:
        return plain(std::int64_t{});
    case DType::Bool:
        fn([bytes](std::int64_t i) { return bytes[i] != std::byte{0} ? 1 : 0; });
        return true;
    case DType::Float16:
        fn([v = reinterpret_cast<const std::uint16_t *>(bytes)](std::int64_t i) {
            return float16ToFloat(v[i]);
        });
        return true;
    case DType::BFloat16:
        fn([v = reinterpret_cast<const std::uint16_t *>(bytes)](std::int64_t i) {
            return bfloat16ToFloat(v[i]);
        });
        return true;
    case DType::Float8E4M3FN:
    case DType::Float8E4M3FNUZ:
    case DType::Float8E5M2:
    case DType::Float8E5M2FNUZ:
        fn([bytes, format = smallFloat(tensor.dtype())](std::int64_t i) {
            return decodeSmall(*format, std::to_integer<std::uint8_t>(bytes[i]));
        });
        return true;
    case DType::Float8E8M0:
        fn([bytes](std::int64_t i) {
            const int code = std::to_integer<int>(bytes[i]);
            return code == 255 ? std::numeric_limits<float>::quiet_NaN() : std::ldexp(1.0f, code - 127);
        });
        return true;
    case DType::UInt4:
    case DType::Int4:
    case DType::UInt2:
    case DType::Int2:
    case DType::Float4E2M1:
        fn([bytes, type = tensor.dtype()](std::int64_t i) { return unpack<float>(type, bytes, i); });
        return true;
    default:
        return false;
    }
}

/// Float to integer without undefined behaviour: truncates, saturates, NaN becomes 0.
template <typename To, typename From>
To castElement(From value) {
    if constexpr (std::is_same_v<To, bool>)
        return value != From{};
    else if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>) {
        if (std::isnan(value))
            return To{};
        const long double wide = value;
        if (wide <= static_cast<long double>(std::numeric_limits<To>::lowest()))
            return std::numeric_limits<To>::lowest();
        if (wide >= static_cast<long double>(std::numeric_limits<To>::max()))
            return std::numeric_limits<To>::max();
        return static_cast<To>(value);
    } else
        return static_cast<To>(value);
}

/// A tensor whose element i is convert(element i of `tensor`); big ones are done in parallel.
template <typename To, typename Convert>
Tensor convertTo(const Tensor &tensor, DType type, Convert convert) {
    Tensor result = Tensor::allocate(type, tensor.shape());
    auto *dst = reinterpret_cast<To *>(result.mutableBytes());
    withReader(tensor, [&](auto read) {
        auto convertBlock = [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t i = begin; i < end; ++i)
                dst[i] = convert(read(i));
        };
        // Without a stop token it cannot be cancelled, so there is no error to pass on.
        (void)parallelFor(tensor.numel(), 1 << 18, RunContext{}, convertBlock);
    });
    return result;
}

template <typename To>
Tensor castTo(const Tensor &tensor, DType type) {
    return convertTo<To>(tensor, type, [](auto value) { return castElement<To>(value); });
}

/// Casts through float with an encoder for 8- and 16-bit floats.
template <typename Bits, typename Encode>
Tensor encodeTo(const Tensor &tensor, DType type, Encode encode) {
    return convertTo<Bits>(tensor, type, [encode](auto value) { return encode(static_cast<float>(value)); });
}

bool isReadable(DType type) {
    return type != DType::String && type != DType::Complex64 && type != DType::Complex128 &&
           type != DType::Undefined;
}

} // namespace

float float16ToFloat(std::uint16_t bits) {
    const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16;
    const std::uint32_t magnitude = static_cast<std::uint32_t>(bits & 0x7FFFu) << 13;
    if (magnitude >= 31u << 23) // infinity and NaN
        return std::bit_cast<float>(sign | 0x7F800000u | magnitude);
    if (magnitude >= 1u << 23)
        return std::bit_cast<float>(sign | (magnitude + (112u << 23)));
    const float value = static_cast<float>(bits & 0x3FFu) * 0x1.0p-24f;
    return sign ? -value : value;
}

float bfloat16ToFloat(std::uint16_t bits) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

std::uint16_t floatToFloat16(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
    const float magnitude = std::fabs(value);
    if (std::isnan(value))
        return static_cast<std::uint16_t>(sign | 0x7E00u);
    if (magnitude >= 65520.0f)
        return static_cast<std::uint16_t>(sign | 0x7C00u);
    if (magnitude < 0x1.0p-14f) // subnormal: a multiple of 2^-24, and float addition rounds half to even
        return static_cast<std::uint16_t>(sign |
                                          static_cast<std::uint16_t>(std::nearbyint(magnitude * 0x1.0p24f)));
    const std::uint32_t rounded = (bits & 0x7FFFFFFFu) + 0xFFFu + ((bits >> 13) & 1u);
    return static_cast<std::uint16_t>(sign | ((rounded - (112u << 23)) >> 13));
}

std::uint16_t floatToBFloat16(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    if (std::isnan(value))
        return static_cast<std::uint16_t>((bits >> 16) | 0x40u);
    return static_cast<std::uint16_t>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}

Result<Tensor> toFloat32(const Tensor &tensor) {
    if (tensor.dtype() == DType::Float32)
        return tensor;
    return castTensor(tensor, DType::Float32);
}

Result<Tensor> castTensor(const Tensor &tensor, DType type) {
    auto unsupported = [&] {
        return fail(ErrorCode::Unsupported,
                    fmt::format("cannot convert {} to {}", dtypeName(tensor.dtype()), dtypeName(type)));
    };
    if (!isReadable(tensor.dtype()))
        return unsupported();
    if (tensor.dtype() == type)
        return tensor;
    if (blockFormatOf(tensor.dtype())) {
        QS_TRY(const Tensor decoded, decodeBlocks(tensor));
        return castTensor(decoded, type);
    }
    switch (type) {
    case DType::Float32:
        return castTo<float>(tensor, type);
    case DType::Float64:
        return castTo<double>(tensor, type);
    case DType::UInt8:
        return castTo<std::uint8_t>(tensor, type);
    case DType::Int8:
        return castTo<std::int8_t>(tensor, type);
    case DType::UInt16:
        return castTo<std::uint16_t>(tensor, type);
    case DType::Int16:
        return castTo<std::int16_t>(tensor, type);
    case DType::UInt32:
        return castTo<std::uint32_t>(tensor, type);
    case DType::Int32:
        return castTo<std::int32_t>(tensor, type);
    case DType::UInt64:
        return castTo<std::uint64_t>(tensor, type);
    case DType::Int64:
        return castTo<std::int64_t>(tensor, type);
    case DType::Bool:
        return castTo<bool>(tensor, type);
    case DType::Float16:
        return encodeTo<std::uint16_t>(tensor, type, floatToFloat16);
    case DType::BFloat16:
        return encodeTo<std::uint16_t>(tensor, type, floatToBFloat16);
    default:
        break;
    }
    if (const SmallFloat *format = smallFloat(type))
        return encodeTo<std::uint8_t>(tensor, type, [format](float v) { return encodeSmall(*format, v); });
    return unsupported();
}

Result<std::vector<std::int64_t>> toInt64Vector(const Tensor &tensor) {
    if (isFloatingPoint(tensor.dtype()) || !isReadable(tensor.dtype()))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("needs integers, found {}", dtypeName(tensor.dtype())));
    std::vector<std::int64_t> result(static_cast<std::size_t>(tensor.numel()));
    withReader(tensor, [&](auto read) {
        for (std::size_t i = 0; i < result.size(); ++i)
            result[i] = static_cast<std::int64_t>(read(static_cast<std::int64_t>(i)));
    });
    return result;
}

} // namespace qs
