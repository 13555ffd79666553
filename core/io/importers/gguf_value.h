#pragma once

#include "core/base/result.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace qs {

/// Reads little-endian numbers and texts from bytes that may end anywhere.
class ByteCursor {
public:
    explicit ByteCursor(std::span<const std::byte> bytes) : m_bytes(bytes) {}
    std::size_t position() const { return m_position; }
    std::size_t remaining() const { return m_bytes.size() - m_position; }

    /// The next bytes. \error CorruptFile  there are not so many
    Result<std::span<const std::byte>> take(std::uint64_t count);
    /// \error CorruptFile
    template <typename T>
    Result<T> number() {
        static_assert(std::is_arithmetic_v<T>);
        QS_TRY(const auto bytes, take(sizeof(T)));
        T value;
        std::memcpy(&value, bytes.data(), sizeof value);
        return value;
    }
    /// Length and bytes; any bytes. \error CorruptFile  longer than the rest, or than 2^30
    Result<std::string_view> text();

private:
    std::span<const std::byte> m_bytes;
    std::size_t m_position = 0;
};

/// Types of metadata values. \source file_formats 3.1
enum class GgufType : std::uint32_t {
    UInt8 = 0,
    Int8,
    UInt16,
    Int16,
    UInt32,
    Int32,
    Float32,
    Bool,
    String,
    Array,
    UInt64,
    Int64,
    Float64,
};

/// Elements lie in the file as they are and have been checked; \see readGgufValue
struct GgufArray {
    GgufType elementType = GgufType::UInt8;
    std::uint64_t count = 0;
    std::span<const std::byte> bytes; ///< of the file that was read
};

/// One metadata value. Texts and arrays point into the file.
struct GgufValue {
    GgufType type = GgufType::UInt8;
    std::variant<std::uint64_t, std::int64_t, double, bool, std::string_view, GgufArray> content;

    /// Of any integer type that fits; writers differ in which they use.
    std::optional<std::int64_t> integer() const;
    /// Of any float or integer type.
    std::optional<double> number() const;
    std::optional<std::string_view> text() const;

    std::string typeText() const;  ///< "uint32", "array of string"
    std::string valueText() const; ///< fit for display; of arrays the first elements and how many there are
};

/// \param type  as found in the file  \param depth  of arrays in arrays
/// \error CorruptFile  an unknown type, a bool that is neither 0 nor 1, a length beyond the file, arrays
/// nested more than four deep
Result<GgufValue> readGgufValue(ByteCursor &cursor, std::uint32_t type, int depth = 0);

} // namespace qs
