#include "core/io/importers/gguf_value.h"

#include "core/io/safe_text.h"

#include <array>
#include <fmt/format.h>
#include <limits>

namespace qs {
namespace {

constexpr std::uint64_t kMostElements = std::uint64_t(1) << 30; // of texts and arrays, as in ggml
constexpr int kMostDepth = 4;
constexpr std::uint64_t kElementsShown = 8;

struct TypeInfo {
    const char *name;
    std::uint64_t bytes; ///< at least, of an element in an array
};

// Indexed by the type id.
constexpr std::array<TypeInfo, 13> kTypes{{{"uint8", 1},
                                           {"int8", 1},
                                           {"uint16", 2},
                                           {"int16", 2},
                                           {"uint32", 4},
                                           {"int32", 4},
                                           {"float32", 4},
                                           {"bool", 1},
                                           {"string", 8},
                                           {"array", 12},
                                           {"uint64", 8},
                                           {"int64", 8},
                                           {"float64", 8}}};

const TypeInfo &info(GgufType type) {
    return kTypes[static_cast<std::size_t>(type)];
}

template <typename T>
Result<GgufValue> readNumber(ByteCursor &cursor, GgufType type) {
    QS_TRY(const T value, cursor.number<T>());
    if constexpr (std::is_floating_point_v<T>)
        return GgufValue{type, static_cast<double>(value)};
    else if constexpr (std::is_signed_v<T>)
        return GgufValue{type, static_cast<std::int64_t>(value)};
    else
        return GgufValue{type, static_cast<std::uint64_t>(value)};
}

Result<GgufValue> readBool(ByteCursor &cursor) {
    QS_TRY(const std::uint8_t value, cursor.number<std::uint8_t>());
    if (value > 1)
        return fail(ErrorCode::CorruptFile, fmt::format("a bool is {}; it must be 0 or 1", value));
    return GgufValue{GgufType::Bool, value == 1};
}

/// Walks over the elements, so that whoever reads them later needs no checks.
Status checkElements(ByteCursor &cursor, GgufType type, std::uint64_t count, int depth) {
    const bool plain = type != GgufType::String && type != GgufType::Array && type != GgufType::Bool;
    if (plain) {
        QS_CHECK_OK(cursor.take(count * info(type).bytes));
        return {};
    }
    for (std::uint64_t i = 0; i < count; ++i)
        QS_CHECK_OK(readGgufValue(cursor, static_cast<std::uint32_t>(type), depth));
    return {};
}

Result<GgufValue> readArray(ByteCursor &cursor, int depth) {
    if (depth >= kMostDepth)
        return fail(ErrorCode::CorruptFile, fmt::format("arrays are nested more than {} deep", kMostDepth));
    QS_TRY(const std::uint32_t type, cursor.number<std::uint32_t>());
    QS_TRY(const std::uint64_t count, cursor.number<std::uint64_t>());
    if (type >= kTypes.size())
        return fail(ErrorCode::CorruptFile,
                    fmt::format("an array has elements of the unknown type {}", type));
    const auto elementType = static_cast<GgufType>(type);
    if (count > kMostElements || count * info(elementType).bytes > cursor.remaining())
        return fail(ErrorCode::CorruptFile,
                    fmt::format("an array has {} elements, more than the file", count));
    ByteCursor walk = cursor;
    QS_CHECK_OK(checkElements(walk, elementType, count, depth + 1));
    QS_TRY(const auto bytes, cursor.take(walk.position() - cursor.position()));
    return GgufValue{GgufType::Array, GgufArray{elementType, count, bytes}};
}

std::string arrayText(const GgufArray &array) {
    std::string text = "[";
    ByteCursor cursor(array.bytes);
    for (std::uint64_t i = 0; i < std::min(array.count, kElementsShown); ++i) {
        const auto element = readGgufValue(cursor, static_cast<std::uint32_t>(array.elementType), 1);
        text += (i ? ", " : "") + (element ? element->valueText() : std::string("?"));
    }
    return text + (array.count > kElementsShown ? fmt::format(", … {} in all]", array.count) : "]");
}

} // namespace

Result<std::span<const std::byte>> ByteCursor::take(std::uint64_t count) {
    if (count > remaining())
        return fail(
            ErrorCode::CorruptFile,
            fmt::format("the file ends at byte {}, inside of something that is {} bytes longer; it was cut "
                        "or is damaged: copy it again",
                        m_bytes.size(), count - remaining()));
    const auto bytes = m_bytes.subspan(m_position, static_cast<std::size_t>(count));
    m_position += bytes.size();
    return bytes;
}

Result<std::string_view> ByteCursor::text() {
    QS_TRY(const std::uint64_t length, number<std::uint64_t>());
    if (length > kMostElements)
        return fail(ErrorCode::CorruptFile,
                    fmt::format("a text claims {} bytes; at most {} are allowed", length, kMostElements));
    QS_TRY(const auto bytes, take(length));
    return std::string_view(reinterpret_cast<const char *>(bytes.data()), bytes.size());
}

Result<GgufValue> readGgufValue(ByteCursor &cursor, std::uint32_t code, int depth) {
    const auto type = static_cast<GgufType>(code);
    switch (type) {
    case GgufType::UInt8:
        return readNumber<std::uint8_t>(cursor, type);
    case GgufType::Int8:
        return readNumber<std::int8_t>(cursor, type);
    case GgufType::UInt16:
        return readNumber<std::uint16_t>(cursor, type);
    case GgufType::Int16:
        return readNumber<std::int16_t>(cursor, type);
    case GgufType::UInt32:
        return readNumber<std::uint32_t>(cursor, type);
    case GgufType::Int32:
        return readNumber<std::int32_t>(cursor, type);
    case GgufType::UInt64:
        return readNumber<std::uint64_t>(cursor, type);
    case GgufType::Int64:
        return readNumber<std::int64_t>(cursor, type);
    case GgufType::Float32:
        return readNumber<float>(cursor, type);
    case GgufType::Float64:
        return readNumber<double>(cursor, type);
    case GgufType::Bool:
        return readBool(cursor);
    case GgufType::String: {
        QS_TRY(const std::string_view text, cursor.text());
        return GgufValue{type, text};
    }
    case GgufType::Array:
        return readArray(cursor, depth);
    }
    return fail(ErrorCode::CorruptFile, fmt::format("a value has the unknown type {}", code));
}

std::optional<std::int64_t> GgufValue::integer() const {
    if (const auto *value = std::get_if<std::int64_t>(&content))
        return *value;
    const auto *value = std::get_if<std::uint64_t>(&content);
    if (!value || *value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        return std::nullopt;
    return static_cast<std::int64_t>(*value);
}

std::optional<double> GgufValue::number() const {
    if (const auto *value = std::get_if<double>(&content))
        return *value;
    const auto whole = integer();
    return whole ? std::optional(static_cast<double>(*whole)) : std::nullopt;
}

std::optional<std::string_view> GgufValue::text() const {
    const auto *value = std::get_if<std::string_view>(&content);
    return value ? std::optional(*value) : std::nullopt;
}

std::string GgufValue::typeText() const {
    const auto *array = std::get_if<GgufArray>(&content);
    return array ? std::string("array of ") + info(array->elementType).name : info(type).name;
}

std::string GgufValue::valueText() const {
    if (const auto *value = std::get_if<std::uint64_t>(&content))
        return fmt::to_string(*value);
    if (const auto *value = std::get_if<std::int64_t>(&content))
        return fmt::to_string(*value);
    if (const auto *value = std::get_if<double>(&content)) // the digits of a float32, not of its float64
        return type == GgufType::Float32 ? fmt::to_string(static_cast<float>(*value))
                                         : fmt::to_string(*value);
    if (const auto *value = std::get_if<bool>(&content))
        return *value ? "true" : "false";
    if (const auto *value = std::get_if<std::string_view>(&content))
        return safeName(*value);
    return arrayText(std::get<GgufArray>(content));
}

} // namespace qs
