#include "core/export/exporters/gguf_file.h"

#include "core/tensor/blocks/block_type.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace qs {
namespace {

constexpr std::uint32_t kVersion = 3;
constexpr std::size_t kAlignment = 32;

template <typename T>
std::string raw(T value) {
    std::string bytes(sizeof value, '\0');
    std::memcpy(bytes.data(), &value, sizeof value);
    return bytes;
}

std::string textBytes(std::string_view text) {
    return raw(static_cast<std::uint64_t>(text.size())) + std::string(text);
}

template <typename T>
std::string narrowed(const GgufValue &value) {
    return std::visit(
        []<typename V>(const V &content) {
            if constexpr (std::is_arithmetic_v<V>)
                return raw(static_cast<T>(content));
            else
                return std::string();
        },
        value.content);
}

std::string valueBytes(const GgufValue &value) {
    switch (value.type) {
    case GgufType::UInt8:
    case GgufType::Int8:
    case GgufType::Bool:
        return narrowed<std::uint8_t>(value);
    case GgufType::UInt16:
    case GgufType::Int16:
        return narrowed<std::uint16_t>(value);
    case GgufType::UInt32:
    case GgufType::Int32:
        return narrowed<std::uint32_t>(value);
    case GgufType::UInt64:
    case GgufType::Int64:
        return narrowed<std::uint64_t>(value);
    case GgufType::Float32:
        return narrowed<float>(value);
    case GgufType::Float64:
        return narrowed<double>(value);
    case GgufType::String:
        return textBytes(std::get<std::string_view>(value.content));
    case GgufType::Array: {
        const auto &array = std::get<GgufArray>(value.content);
        return raw(static_cast<std::uint32_t>(array.elementType)) + raw(array.count) +
               std::string(reinterpret_cast<const char *>(array.bytes.data()), array.bytes.size());
    }
    }
    return {};
}

std::size_t padding(std::size_t bytes) {
    return (kAlignment - bytes % kAlignment) % kAlignment;
}

std::string directory(const std::vector<GgufOutput> &tensors) {
    std::string bytes;
    std::uint64_t offset = 0;
    for (const GgufOutput &output : tensors) {
        const Shape &shape = output.tensor.shape();
        bytes += textBytes(output.name) + raw(static_cast<std::uint32_t>(shape.rank()));
        for (int axis = shape.rank() - 1; axis >= 0; --axis) // the file begins with the innermost
            bytes += raw(shape[axis]);
        bytes += raw(*ggufTypeId(output.tensor.dtype())) + raw(offset);
        offset += output.tensor.sizeBytes() + padding(output.tensor.sizeBytes());
    }
    return bytes;
}

} // namespace

void GgufMetadata::put(const std::string &key, GgufType type, std::string bytes) {
    const auto found = std::find_if(m_entries.begin(), m_entries.end(),
                                    [&](const Entry &entry) { return entry.key == key; });
    if (found == m_entries.end())
        m_entries.push_back({key, type, std::move(bytes)});
    else
        *found = {key, type, std::move(bytes)};
}

void GgufMetadata::set(const std::string &key, std::uint32_t value) {
    put(key, GgufType::UInt32, raw(value));
}

void GgufMetadata::set(const std::string &key, float value) {
    put(key, GgufType::Float32, raw(value));
}

void GgufMetadata::set(const std::string &key, const std::string &text) {
    put(key, GgufType::String, textBytes(text));
}

void GgufMetadata::set(const std::string &key, const GgufValue &value) {
    put(key, value.type, valueBytes(value));
}

void GgufMetadata::remove(const std::string &key) {
    std::erase_if(m_entries, [&](const Entry &entry) { return entry.key == key; });
}

bool GgufMetadata::has(const std::string &key) const {
    return std::any_of(m_entries.begin(), m_entries.end(),
                       [&](const Entry &entry) { return entry.key == key; });
}

std::string GgufMetadata::bytes() const {
    std::string bytes;
    for (const Entry &entry : m_entries)
        bytes += textBytes(entry.key) + raw(static_cast<std::uint32_t>(entry.type)) + entry.bytes;
    return bytes;
}

std::optional<std::uint32_t> ggufTypeId(DType type) {
    if (const BlockFormat *format = blockFormatOf(type))
        return static_cast<std::uint32_t>(format->type);
    constexpr std::array<std::pair<DType, std::uint32_t>, 8> kPlain{{{DType::Float32, 0},
                                                                     {DType::Float16, 1},
                                                                     {DType::Int8, 24},
                                                                     {DType::Int16, 25},
                                                                     {DType::Int32, 26},
                                                                     {DType::Int64, 27},
                                                                     {DType::Float64, 28},
                                                                     {DType::BFloat16, 30}}};
    for (const auto &[known, id] : kPlain)
        if (known == type)
            return id;
    return std::nullopt;
}

Result<std::size_t> writeGguf(AtomicFile &file, const GgufMetadata &metadata,
                              const std::vector<GgufOutput> &tensors, const RunContext &ctx) {
    std::string head = "GGUF" + raw(kVersion) + raw(static_cast<std::int64_t>(tensors.size())) +
                       raw(static_cast<std::int64_t>(metadata.count())) + metadata.bytes() +
                       directory(tensors);
    head.resize(head.size() + padding(head.size()), '\0');
    QS_CHECK_OK(file.append(head));
    std::size_t written = head.size();
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        const Tensor &tensor = tensors[i].tensor;
        ctx.step(static_cast<std::int64_t>(i), static_cast<std::int64_t>(tensors.size()),
                 "writing " + tensors[i].name);
        const std::size_t bytes = tensor.sizeBytes();
        QS_CHECK_OK(file.append({reinterpret_cast<const char *>(tensor.bytes()), bytes}));
        QS_CHECK_OK(file.append(std::string(padding(bytes), '\0')));
        written += bytes + padding(bytes);
    }
    return written;
}

} // namespace qs
