#include "core/io/importers/npy_array.h"

#include "core/io/mapped_tensor.h"
#include "core/tensor/permute_axes.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fmt/format.h>
#include <numeric>
#include <optional>
#include <string_view>

namespace qs {
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);
constexpr std::size_t kLongestHeader = 64 << 10, kMostDims = 32;

tl::unexpected<Error> corrupt(std::string what) {
    return fail(ErrorCode::CorruptFile, std::move(what) + ". Save the array again with numpy.save");
}

/// Reads the Python literal {'descr': text, 'fortran_order': bool, 'shape': tuple of integers} by hand:
/// nothing in it is ever run.
class LiteralReader {
public:
    explicit LiteralReader(std::string_view text) : m_rest(text) {}

    bool take(char c) {
        skipSpaces();
        if (!m_rest.starts_with(c))
            return false;
        m_rest.remove_prefix(1);
        return true;
    }
    std::optional<std::string> text() {
        skipSpaces();
        const char quote = m_rest.empty() ? ' ' : m_rest.front();
        const std::size_t end =
            quote == '\'' || quote == '"' ? m_rest.find(quote, 1) : std::string_view::npos;
        if (end == std::string_view::npos)
            return std::nullopt;
        const std::string found(m_rest.substr(1, end - 1));
        m_rest.remove_prefix(end + 1);
        return found;
    }
    std::optional<bool> boolean() {
        skipSpaces();
        for (const auto &[word, value] : {std::pair{std::string_view("True"), true}, {"False", false}})
            if (m_rest.starts_with(word)) {
                m_rest.remove_prefix(word.size());
                return value;
            }
        return std::nullopt;
    }
    std::optional<std::vector<std::int64_t>> tuple() {
        std::vector<std::int64_t> dims;
        if (!take('('))
            return std::nullopt;
        while (!take(')')) {
            std::int64_t dim = 0;
            const auto [end, error] = std::from_chars(begin(), m_rest.data() + m_rest.size(), dim);
            if (error != std::errc() || dim < 0 || dims.size() == kMostDims)
                return std::nullopt;
            m_rest.remove_prefix(static_cast<std::size_t>(end - m_rest.data()));
            if (m_rest.starts_with('L')) // integers of Python 2
                m_rest.remove_prefix(1);
            dims.push_back(dim);
            skipSpaces();
            if (!take(',') && !m_rest.starts_with(')'))
                return std::nullopt;
        }
        return dims;
    }
    bool atEnd() {
        skipSpaces();
        return m_rest.empty();
    }

private:
    const char *begin() {
        skipSpaces();
        return m_rest.data();
    }
    void skipSpaces() {
        const std::size_t first = m_rest.find_first_not_of(" \n");
        m_rest.remove_prefix(first == std::string_view::npos ? m_rest.size() : first);
    }
    std::string_view m_rest;
};

struct TypeEntry {
    std::string_view code; ///< kind and bytes, as numpy writes them
    DType dtype;
};
constexpr TypeEntry kTypes[] = {
    {"f2", DType::Float16},  {"f4", DType::Float32},   {"f8", DType::Float64},     {"i1", DType::Int8},
    {"i2", DType::Int16},    {"i4", DType::Int32},     {"i8", DType::Int64},       {"u1", DType::UInt8},
    {"u2", DType::UInt16},   {"u4", DType::UInt32},    {"u8", DType::UInt64},      {"b1", DType::Bool},
    {"V2", DType::BFloat16}, {"c8", DType::Complex64}, {"c16", DType::Complex128},
};

Status setType(NpyHeader &header, const std::string &descr) {
    const char order = descr.empty() ? ' ' : descr.front();
    const std::string_view code = std::string_view(descr).substr(std::min<std::size_t>(1, descr.size()));
    const auto type = std::find_if(std::begin(kTypes), std::end(kTypes),
                                   [&](const TypeEntry &t) { return t.code == code; });
    if (type == std::end(kTypes) || std::string_view("<>|=").find(order) == std::string_view::npos)
        return fail(
            ErrorCode::Unsupported,
            fmt::format("has elements of the type '{}', which are no numbers that can be read here; Python "
                        "objects never are. Save it as float32 or integers",
                        descr.substr(0, 40)));
    header.dtype = type->dtype;
    header.swapped = order == '>' && dtypeBits(type->dtype) > 8;
    header.fromVoid = code == "V2";
    return {};
}

Status parseLiteral(NpyHeader &header, std::string_view text) {
    LiteralReader reader(text);
    std::optional<std::string> descr;
    std::optional<bool> fortran;
    std::optional<std::vector<std::int64_t>> shape;
    bool good = reader.take('{');
    while (good && !reader.take('}')) {
        const auto key = reader.text();
        good = key && reader.take(':');
        if (good && *key == "descr" && !descr)
            good = (descr = reader.text()).has_value();
        else if (good && *key == "fortran_order" && !fortran)
            good = (fortran = reader.boolean()).has_value();
        else if (good && *key == "shape" && !shape)
            good = (shape = reader.tuple()).has_value();
        else
            good = false;
        reader.take(',');
    }
    if (text.find("'descr': [") != std::string_view::npos)
        return fail(ErrorCode::Unsupported,
                    "holds structures, not numbers. Save each field as an array of its own");
    if (!good || !descr || !fortran || !shape || !reader.atEnd())
        return corrupt("has a header that is damaged");
    header.fortranOrder = *fortran;
    header.shape = Shape(std::move(*shape));
    return setType(header, *descr);
}

/// Bytes of one number: halves of complex elements are swapped one by one.
std::size_t swapWidth(DType type) {
    const auto bytes = static_cast<std::size_t>(dtypeBits(type) / 8);
    return type == DType::Complex64 || type == DType::Complex128 ? bytes / 2 : bytes;
}

void swapBytes(Tensor &tensor) {
    const std::size_t width = swapWidth(tensor.dtype());
    for (std::byte *at = tensor.mutableBytes(), *end = at + tensor.sizeBytes(); at < end; at += width)
        std::reverse(at, at + width);
}

/// Elements whose first axis runs fastest are a C array of the axes in reverse.
Tensor fromFortran(const Tensor &stored) {
    std::vector<std::int64_t> dims(stored.shape().begin(), stored.shape().end());
    std::reverse(dims.begin(), dims.end());
    std::vector<int> order(dims.size());
    std::iota(order.rbegin(), order.rend(), 0);
    return permuteAxes(stored.reshaped(Shape(std::move(dims))), order);
}

} // namespace

bool looksLikeNpy(std::span<const std::byte> head) {
    return head.size() >= kMagic.size() && std::memcmp(head.data(), kMagic.data(), kMagic.size()) == 0;
}

Result<NpyHeader> readNpyHeader(std::span<const std::byte> array) {
    const auto byte = [&](std::size_t i) { return std::to_integer<std::size_t>(array[i]); };
    if (!looksLikeNpy(array) || array.size() < 12)
        return corrupt("is not a whole .npy array");
    const std::size_t version = byte(6);
    if (version < 1 || version > 3)
        return fail(ErrorCode::Unsupported,
                    fmt::format("is of .npy version {}; versions 1 to 3 can be read", version));
    const std::size_t begin = version == 1 ? 10 : 12;
    const std::size_t size =
        version == 1 ? byte(8) | byte(9) << 8 : byte(8) | byte(9) << 8 | byte(10) << 16 | byte(11) << 24;
    if (size > kLongestHeader || size > array.size() - begin)
        return corrupt(fmt::format("announces a header of {} bytes, more than there can be", size));
    NpyHeader header;
    header.dataBegin = begin + size;
    QS_CHECK_OK(parseLiteral(header, {reinterpret_cast<const char *>(array.data()) + begin, size}));
    QS_TRY(const std::uint64_t expected, checkedByteSize(header.dtype, header.shape));
    if (expected != array.size() - header.dataBegin)
        return corrupt(fmt::format("has {} bytes of data, but {} {} needs {}",
                                   array.size() - header.dataBegin, dtypeName(header.dtype),
                                   header.shape.text(), expected));
    return header;
}

Tensor npyTensor(const NpyHeader &header, const std::shared_ptr<std::byte> &bytes) {
    std::byte *data = bytes.get() + header.dataBegin;
    const auto alignment = static_cast<std::uintptr_t>(std::clamp(dtypeBits(header.dtype) / 8, 1, 8));
    const bool fortran = header.fortranOrder && header.shape.rank() > 1;
    if (!fortran && !header.swapped && header.dtype != DType::Bool &&
        reinterpret_cast<std::uintptr_t>(data) % alignment == 0)
        return Tensor::wrap(header.dtype, header.shape, {bytes, data});
    Tensor tensor = fortran ? fromFortran(Tensor::wrap(header.dtype, header.shape, {bytes, data}))
                            : Tensor::allocate(header.dtype, header.shape);
    if (!fortran)
        std::memcpy(tensor.mutableBytes(), data, tensor.sizeBytes());
    if (header.swapped)
        swapBytes(tensor);
    normaliseBools(tensor);
    return tensor;
}

} // namespace qs
