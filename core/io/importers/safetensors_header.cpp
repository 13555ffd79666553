#include "core/io/importers/safetensors_header.h"

#include "core/io/safe_text.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <tuple>
#include <unordered_set>

namespace qs {
namespace {

constexpr std::uint64_t kLengthBytes = 8;
constexpr std::uint64_t kLargestHeader = 100'000'000;
constexpr std::size_t kMostTensors = 1'000'000, kMostDims = 32, kLongestName = 4096;

struct TypeEntry {
    std::string_view name;
    DType dtype; ///< Undefined: known to the format, not decoded here
    int bits;
};

constexpr std::array kTypes{
    TypeEntry{"F32", DType::Float32, 32},
    TypeEntry{"BF16", DType::BFloat16, 16},
    TypeEntry{"F16", DType::Float16, 16},
    TypeEntry{"F64", DType::Float64, 64},
    TypeEntry{"F8_E4M3", DType::Float8E4M3FN, 8},
    TypeEntry{"F8_E5M2", DType::Float8E5M2, 8},
    TypeEntry{"F8_E4M3FNUZ", DType::Float8E4M3FNUZ, 8},
    TypeEntry{"F8_E5M2FNUZ", DType::Float8E5M2FNUZ, 8},
    TypeEntry{"F8_E8M0", DType::Float8E8M0, 8},
    TypeEntry{"F4", DType::Float4E2M1, 4},
    TypeEntry{"F6_E2M3", DType::Undefined, 6},
    TypeEntry{"F6_E3M2", DType::Undefined, 6},
    TypeEntry{"BOOL", DType::Bool, 8},
    TypeEntry{"U8", DType::UInt8, 8},
    TypeEntry{"I8", DType::Int8, 8},
    TypeEntry{"U16", DType::UInt16, 16},
    TypeEntry{"I16", DType::Int16, 16},
    TypeEntry{"U32", DType::UInt32, 32},
    TypeEntry{"I32", DType::Int32, 32},
    TypeEntry{"U64", DType::UInt64, 64},
    TypeEntry{"I64", DType::Int64, 64},
    TypeEntry{"C64", DType::Complex64, 64},
};

const TypeEntry *findType(std::string_view name) {
    const auto found =
        std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeEntry &type) { return type.name == name; });
    return found == kTypes.end() ? nullptr : &*found;
}

tl::unexpected<Error> corrupt(const std::string &what, const std::string &tensor = {}) {
    return fail(ErrorCode::CorruptFile,
                (tensor.empty() ? "" : fmt::format("tensor '{}' ", safeName(tensor))) + what +
                    ". Save or download the file again");
}

/// Receives the header as events, so that a header of 100 MB needs no tree of objects, and so that what JSON
/// libraries pass over in silence is seen: names that occur twice, numbers with a fraction.
class HeaderEvents final : public nlohmann::json_sax<nlohmann::json> {
public:
    using Json = nlohmann::json;
    SafetensorsHeader header;
    std::string problem, problemTensor;

    bool start_object(std::size_t) override {
        ++m_depth;
        if (m_array != Array::None || m_depth > 2 || (m_depth == 2 && m_key.empty()))
            return refuse("holds an object where a value belongs");
        if (m_depth == 2 && !m_inMetadata)
            m_entry = {m_name, {}, DType::Undefined, {}, 0, 0};
        m_key.clear();
        m_seen.clear();
        return true;
    }
    bool key(std::string &name) override {
        if (m_depth == 1)
            return startTensor(name);
        m_key = name;
        return m_inMetadata ? noteMetadata() : noteField();
    }
    bool end_object() override {
        --m_depth;
        if (m_depth == 1 && !m_inMetadata)
            return finishTensor();
        m_inMetadata = false;
        return true;
    }
    bool start_array(std::size_t) override {
        if (m_depth != 2 || m_inMetadata || m_array != Array::None)
            return refuse("holds a list where a value belongs");
        if (m_key == "shape")
            m_array = Array::Shape;
        else if (m_key == "data_offsets")
            m_array = Array::Offsets;
        else
            return refuse("holds a list where a value belongs");
        return true;
    }
    bool end_array() override {
        m_array = Array::None;
        return true;
    }
    bool string(std::string &text) override {
        if (m_depth == 2 && m_inMetadata) {
            header.metadata[m_key] = text;
            return true;
        }
        if (m_depth != 2 || m_array != Array::None || m_key != "dtype")
            return refuse("holds a text where none belongs");
        m_entry.typeName = text;
        return true;
    }
    bool number_unsigned(number_unsigned_t value) override {
        if (m_array == Array::Offsets) {
            m_offsets.push_back(value);
            return m_offsets.size() <= 2 || refuse("needs two offsets");
        }
        if (m_array != Array::Shape)
            return refuse("holds a number where none belongs");
        if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
            return refuse(fmt::format("has a dimension of {}, which is too large", value));
        m_dims.push_back(static_cast<std::int64_t>(value));
        return m_dims.size() <= kMostDims || refuse(fmt::format("has more than {} dimensions", kMostDims));
    }
    bool number_integer(number_integer_t value) override {
        return refuse(fmt::format("has the negative number {}", value));
    }
    bool number_float(number_float_t, const string_t &text) override {
        return refuse(fmt::format("has the number {}, where only whole numbers belong", text.substr(0, 40)));
    }
    bool null() override { return refuse("has a null where a value belongs"); }
    bool boolean(bool) override { return refuse("has true or false where a value belongs"); }
    bool binary(binary_t &) override { return refuse("has binary data"); }
    bool parse_error(std::size_t position, const std::string &, const Json::exception &) override {
        m_name.clear();
        return refuse(fmt::format("its header is not JSON in UTF-8 (byte {})", position));
    }

private:
    enum class Array { None, Shape, Offsets };

    bool refuse(std::string what) {
        if (problem.empty()) {
            problem = std::move(what);
            problemTensor = m_name;
        }
        return false;
    }
    bool startTensor(const std::string &name) {
        m_key = m_name = name;
        m_inMetadata = name == "__metadata__";
        if (name.empty() || name.size() > kLongestName)
            return refuse(
                fmt::format("has a tensor name of {} bytes; allowed are 1 to {}", name.size(), kLongestName));
        if (!m_names.insert(name).second)
            return refuse("is there twice");
        m_dims.clear();
        m_offsets.clear();
        return m_names.size() <= kMostTensors || refuse(fmt::format("is one of more than {}", kMostTensors));
    }
    bool noteMetadata() {
        return m_seen.insert(m_key).second || refuse(fmt::format("has '{}' twice", safeName(m_key)));
    }
    bool noteField() {
        if (m_key != "dtype" && m_key != "shape" && m_key != "data_offsets")
            return refuse(fmt::format("has the unknown field '{}'", safeName(m_key)));
        return m_seen.insert(m_key).second || refuse(fmt::format("has '{}' twice", m_key));
    }
    bool finishTensor() {
        if (m_seen.size() != 3)
            return refuse("needs dtype, shape and data_offsets");
        if (m_offsets.size() != 2 || m_offsets[1] < m_offsets[0])
            return refuse("needs two offsets, the second not below the first");
        m_entry.shape = Shape(std::move(m_dims));
        m_entry.begin = m_offsets[0];
        m_entry.end = m_offsets[1];
        header.tensors.push_back(std::move(m_entry));
        return true;
    }

    int m_depth = 0;
    Array m_array = Array::None;
    bool m_inMetadata = false;
    std::string m_name, m_key;
    std::unordered_set<std::string> m_names, m_seen;
    std::vector<std::int64_t> m_dims;
    std::vector<std::uint64_t> m_offsets;
    SafetensorsEntry m_entry;
};

/// Gives an entry its type and checks that shape, type and offsets agree. Types that nobody knows yet have
/// only their offsets checked.
Status checkSize(SafetensorsEntry &entry) {
    QS_TRY(const std::int64_t numel, entry.shape.checkedNumel());
    const TypeEntry *type = findType(entry.typeName);
    if (!type)
        return {};
    entry.dtype = type->dtype;
    std::uint64_t bits = 0;
    if (__builtin_mul_overflow(static_cast<std::uint64_t>(numel), static_cast<std::uint64_t>(type->bits),
                               &bits))
        return corrupt(fmt::format("has shape {}, which is too large", entry.shape.text()));
    if (bits % 8 != 0)
        return corrupt(fmt::format("of {} {} does not fill whole bytes", entry.typeName, entry.shape.text()));
    if (bits / 8 != entry.end - entry.begin)
        return corrupt(fmt::format("has {} bytes, but {} {} needs {}", entry.end - entry.begin,
                                   entry.typeName, entry.shape.text(), bits / 8));
    return {};
}

/// Tensors must follow each other without holes, from the first byte behind the header to the last of the
/// file.
Status checkPlaces(std::vector<SafetensorsEntry> &tensors, std::uint64_t dataBegin, std::uint64_t fileSize) {
    std::sort(tensors.begin(), tensors.end(), [](const SafetensorsEntry &a, const SafetensorsEntry &b) {
        return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
    });
    const std::uint64_t dataSize = fileSize - dataBegin;
    std::uint64_t expected = 0;
    for (SafetensorsEntry &entry : tensors) {
        if (entry.end > dataSize)
            return corrupt(fmt::format("ends at byte {} of the data, which has {}: the file was cut short",
                                       entry.end, dataSize),
                           entry.name);
        if (entry.begin != expected)
            return corrupt(
                fmt::format("starts at byte {} of the data, but the one before it ends at {}: tensors "
                            "{}",
                            entry.begin, expected,
                            entry.begin < expected ? "overlap" : "have a hole between them"),
                entry.name);
        expected = entry.end;
        entry.begin += dataBegin;
        entry.end += dataBegin;
    }
    if (expected != dataSize)
        return corrupt(fmt::format("{} bytes behind the last tensor belong to none", dataSize - expected));
    return {};
}

/// The number of header bytes that a file announces.
std::uint64_t headerSizeOf(std::span<const std::byte> file) {
    std::uint64_t size = 0;
    for (std::size_t i = 0; i < kLengthBytes; ++i)
        size |= std::to_integer<std::uint64_t>(file[i]) << (8 * i);
    return size;
}

} // namespace

bool looksLikeSafetensors(std::span<const std::byte> head) {
    if (head.size() < kLengthBytes + 2 || head[kLengthBytes] != std::byte{'{'})
        return false;
    const std::uint64_t size = headerSizeOf(head);
    // Text that starts so by chance would announce a header of astronomic size.
    return size >= 2 && size <= kLargestHeader;
}

Result<SafetensorsHeader> readSafetensorsHeader(std::span<const std::byte> file) {
    if (file.size() < kLengthBytes)
        return corrupt("is too short to be a safetensors file");
    const std::uint64_t size = headerSizeOf(file);
    if (size > kLargestHeader)
        return corrupt(fmt::format("announces a header of {} bytes; allowed are {}", size, kLargestHeader));
    if (size > file.size() - kLengthBytes)
        return corrupt(fmt::format(
            "announces a header of {} bytes, but has {} in all: the file was cut short", size, file.size()));
    const std::string_view text(reinterpret_cast<const char *>(file.data()) + kLengthBytes,
                                static_cast<std::size_t>(size));
    if (text.empty() || text.front() != '{')
        return corrupt("has a header that does not start with '{'");
    HeaderEvents events;
    if (!nlohmann::json::sax_parse(text, &events))
        return corrupt(events.problem, events.problemTensor);
    SafetensorsHeader header = std::move(events.header);
    for (SafetensorsEntry &entry : header.tensors)
        if (auto checked = checkSize(entry); !checked)
            return fail(
                std::move(checked).error().withContext(fmt::format("tensor '{}'", safeName(entry.name))));
    QS_CHECK_OK(checkPlaces(header.tensors, kLengthBytes + size, file.size()));
    return header;
}

} // namespace qs
