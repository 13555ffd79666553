#include "core/io/importers/gguf_header.h"

#include "core/io/safe_text.h"
#include "core/tensor/blocks/block_type.h"

#include <algorithm>
#include <bit>
#include <fmt/format.h>
#include <set>

namespace qs {
namespace {

constexpr std::uint64_t kMostEntries = 1000000; // of metadata, of tensors
constexpr std::size_t kLongestKey = 65535;
constexpr std::size_t kLongestTensorName = 63;
constexpr std::uint32_t kMostDims = 4;

tl::unexpected<Error> corrupt(std::string what) {
    return fail(ErrorCode::CorruptFile, std::move(what));
}

/// Undefined for removed and unknown ids, whose size nobody can tell.
DType dtypeOfGgml(std::uint32_t id) {
    switch (id) {
    case 0:
        return DType::Float32;
    case 1:
        return DType::Float16;
    case 24:
        return DType::Int8;
    case 25:
        return DType::Int16;
    case 26:
        return DType::Int32;
    case 27:
        return DType::Int64;
    case 28:
        return DType::Float64;
    case 30:
        return DType::BFloat16;
    default:
        break;
    }
    if (id > 255)
        return DType::Undefined;
    const DType type = blockDType(static_cast<BlockType>(id));
    return blockFormatOf(type) ? type : DType::Undefined;
}

/// Lower-case words of letters, digits and '_', joined by '.'.
bool followsNamingRules(std::string_view key) {
    const bool letters = std::all_of(key.begin(), key.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
    });
    return letters && key.front() != '.' && key.back() != '.' && key.find("..") == key.npos;
}

class HeaderReader {
public:
    HeaderReader(std::span<const std::byte> file, FindingList &findings)
        : m_file(file), m_cursor(file), m_findings(findings) {}

    Result<GgufHeader> read() {
        QS_CHECK_OK(readVersion());
        QS_TRY(const std::uint64_t tensors, readCount("tensors", 24)); // name length, dims, type, offset
        QS_TRY(const std::uint64_t entries, readCount("metadata entries", 13));
        QS_CHECK_OK(readMetadata(entries));
        QS_CHECK_OK(readAlignment());
        QS_CHECK_OK(readTensors(tensors));
        QS_CHECK_OK(placeTensors());
        return std::move(m_header);
    }

private:
    Status readVersion() {
        QS_TRY(const std::string_view magic, readMagic());
        if (magic != "GGUF")
            return corrupt("does not begin with 'GGUF'; it is no GGUF file");
        QS_TRY(m_header.version, m_cursor.number<std::uint32_t>());
        const std::uint32_t version = m_header.version;
        if (version != 0 && (version & 0xFFFF) == 0)
            return fail(ErrorCode::Unsupported,
                        "was written for big-endian machines; convert it for this one");
        if (version != 2 && version != 3)
            return fail(
                ErrorCode::Unsupported,
                fmt::format("is GGUF version {}; versions 2 and 3 can be read. Convert the model again",
                            version));
        return {};
    }

    Result<std::string_view> readMagic() {
        QS_TRY(const auto bytes, m_cursor.take(4));
        return std::string_view(reinterpret_cast<const char *>(bytes.data()), 4);
    }

    /// A number of entries that the rest of the file has room for. \param least  bytes of an entry
    Result<std::uint64_t> readCount(const char *what, std::uint64_t least) {
        QS_TRY(const std::uint64_t count, m_cursor.number<std::uint64_t>());
        if (count > kMostEntries || count * least > m_cursor.remaining())
            return corrupt(fmt::format("claims {} {}, more than the file can hold", count, what));
        return count;
    }

    Status readMetadata(std::uint64_t count) {
        std::set<std::string_view> known;
        for (std::uint64_t i = 0; i < count; ++i) {
            QS_TRY(const std::string_view key, m_cursor.text());
            if (key.empty() || key.size() > kLongestKey)
                return corrupt(fmt::format("metadata key {} has {} bytes; allowed: 1 to {}", i, key.size(),
                                           kLongestKey));
            const std::string name = safeName(key);
            if (!known.insert(key).second)
                return corrupt(fmt::format("has the metadata key '{}' twice", name));
            noteName(key, name);
            QS_TRY(const std::uint32_t type, m_cursor.number<std::uint32_t>());
            auto value = readGgufValue(m_cursor, type);
            if (!value)
                return fail(std::move(value).error().withContext(fmt::format("metadata '{}'", name)));
            m_header.metadata.emplace_back(name, std::move(*value));
        }
        return {};
    }

    /// Says so once: a hostile file could have a million such keys.
    void noteName(std::string_view key, const std::string &name) {
        if (m_oddNameSeen || followsNamingRules(key))
            return;
        m_oddNameSeen = true;
        m_findings.add(Severity::Info,
                       fmt::format("metadata key '{}' breaks the naming rules of GGUF", name));
    }

    Status readAlignment() {
        const GgufValue *value = m_header.find("general.alignment");
        if (!value)
            return {};
        const auto alignment = value->integer();
        if (!alignment || *alignment < 1 || *alignment > (1 << 30) ||
            !std::has_single_bit(static_cast<std::uint64_t>(*alignment)))
            return corrupt(
                fmt::format("general.alignment is {}; it must be a power of two", value->valueText()));
        m_header.alignment = static_cast<std::uint64_t>(*alignment);
        return {};
    }

    Status readTensors(std::uint64_t count) {
        std::set<std::string_view> known;
        for (std::uint64_t i = 0; i < count; ++i) {
            QS_TRY(const std::string_view raw, m_cursor.text());
            if (raw.empty() || raw.size() > kLongestTensorName)
                return corrupt(fmt::format("the name of tensor {} has {} bytes; allowed: 1 to {}", i,
                                           raw.size(), kLongestTensorName));
            const std::string name = safeName(raw);
            if (!known.insert(raw).second)
                return corrupt(fmt::format("has the tensor '{}' twice", name));
            auto tensor = readTensor(name);
            if (!tensor)
                return fail(std::move(tensor).error().withContext(fmt::format("tensor '{}'", name)));
            m_header.tensors.push_back(std::move(*tensor));
        }
        return {};
    }

    Result<GgufTensor> readTensor(const std::string &name) {
        GgufTensor tensor;
        tensor.name = name;
        QS_TRY(const std::uint32_t rank, m_cursor.number<std::uint32_t>());
        if (rank > kMostDims)
            return corrupt(fmt::format("has {} dimensions; at most {} are allowed", rank, kMostDims));
        std::vector<std::int64_t> dims(rank);
        for (std::int64_t &dim : dims) {
            QS_TRY(dim, m_cursor.number<std::int64_t>());
        }
        std::reverse(dims.begin(), dims.end());
        tensor.shape = Shape(std::move(dims));
        QS_TRY(const std::uint32_t type, m_cursor.number<std::uint32_t>());
        QS_TRY(tensor.offset, m_cursor.number<std::uint64_t>());
        tensor.dtype = dtypeOfGgml(type);
        if (tensor.dtype == DType::Undefined)
            return fail(
                ErrorCode::Unsupported,
                fmt::format("has the element type {}, which this version does not know; convert the model to "
                            "a common type such as Q8_0",
                            type));
        QS_TRY(tensor.bytes, sizeOf(tensor));
        return tensor;
    }

    static Result<std::uint64_t> sizeOf(const GgufTensor &tensor) {
        QS_TRY(const std::int64_t elements, tensor.shape.checkedNumel());
        if (elements > std::int64_t(1) << 56) // so that bytes fit, whatever the type
            return corrupt(fmt::format("has the shape {}, more than any file can hold", tensor.shape.text()));
        const BlockFormat *format = blockFormatOf(tensor.dtype);
        const std::int64_t row = tensor.shape.rank() ? tensor.shape[tensor.shape.rank() - 1] : 1;
        if (format && row % format->elements != 0)
            return corrupt(fmt::format("has rows of {} elements, no whole number of {} blocks of {}", row,
                                       format->name, format->elements));
        return Tensor::byteSize(tensor.dtype, tensor.shape);
    }

    /// Turns offsets into places in the file.
    Status placeTensors() {
        const std::uint64_t mask = m_header.alignment - 1;
        const std::uint64_t begin = (m_cursor.position() + mask) & ~mask;
        for (GgufTensor &tensor : m_header.tensors) {
            if (tensor.offset & mask)
                return corrupt(fmt::format("tensor '{}' begins at {}, no multiple of the alignment {}",
                                           tensor.name, tensor.offset, m_header.alignment));
            const std::uint64_t size = m_file.size();
            if (tensor.bytes > 0 &&
                (begin > size || tensor.offset > size - begin || tensor.bytes > size - begin - tensor.offset))
                return corrupt(
                    fmt::format("tensor '{}' ends beyond the file; it was cut: copy it again", tensor.name));
            tensor.offset = tensor.bytes > 0 ? begin + tensor.offset : 0;
        }
        return checkOverlap();
    }

    Status checkOverlap() const {
        std::vector<const GgufTensor *> ordered;
        for (const GgufTensor &tensor : m_header.tensors)
            if (tensor.bytes > 0)
                ordered.push_back(&tensor);
        std::sort(ordered.begin(), ordered.end(),
                  [](const GgufTensor *a, const GgufTensor *b) { return a->offset < b->offset; });
        for (std::size_t i = 1; i < ordered.size(); ++i)
            if (ordered[i - 1]->offset + ordered[i - 1]->bytes > ordered[i]->offset)
                return corrupt(
                    fmt::format("tensors '{}' and '{}' share bytes", ordered[i - 1]->name, ordered[i]->name));
        return {};
    }

    std::span<const std::byte> m_file;
    ByteCursor m_cursor;
    FindingList &m_findings;
    bool m_oddNameSeen = false;
    GgufHeader m_header;
};

} // namespace

const GgufValue *GgufHeader::find(std::string_view key) const {
    const auto found =
        std::find_if(metadata.begin(), metadata.end(), [&](const auto &entry) { return entry.first == key; });
    return found == metadata.end() ? nullptr : &found->second;
}

Result<GgufHeader> readGgufHeader(std::span<const std::byte> file, FindingList &findings) {
    return HeaderReader(file, findings).read();
}

} // namespace qs
