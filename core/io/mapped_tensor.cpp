#include "core/io/mapped_tensor.h"

#include <cstring>
#include <fmt/format.h>

namespace qs {
namespace {

bool isDigit(char c) {
    return c >= '0' && c <= '9';
}

/// The digits at the start of a text, without leading zeros.
std::string_view numberAt(std::string_view text) {
    std::size_t end = 0;
    while (end < text.size() && isDigit(text[end]))
        ++end;
    std::size_t begin = 0;
    while (begin + 1 < end && text[begin] == '0')
        ++begin;
    return text.substr(begin, end - begin);
}

std::size_t digitCount(std::string_view text) {
    std::size_t count = 0;
    while (count < text.size() && isDigit(text[count]))
        ++count;
    return count;
}

} // namespace

Result<std::uint64_t> checkedByteSize(DType type, const Shape &shape) {
    QS_TRY(const std::int64_t numel, shape.checkedNumel());
    std::uint64_t bits = 0;
    if (type == DType::String || type == DType::Undefined)
        return fail(ErrorCode::Unsupported, fmt::format("{} elements have no fixed size", dtypeName(type)));
    if (__builtin_mul_overflow(static_cast<std::uint64_t>(numel), static_cast<std::uint64_t>(dtypeBits(type)),
                               &bits))
        return fail(ErrorCode::CorruptFile, fmt::format("shape {} has too many elements", shape.text()));
    return bits / 8 + (bits % 8 != 0);
}

Tensor mappedTensor(DType type, const Shape &shape, std::shared_ptr<const MappedFile> file,
                    std::size_t offset) {
    const std::byte *bytes = file->bytes().data() + offset;
    const auto alignment = static_cast<std::uintptr_t>(std::clamp(dtypeBits(type) / 8, 1, 8));
    if (type != DType::Bool && reinterpret_cast<std::uintptr_t>(bytes) % alignment == 0)
        return Tensor::wrap(type, shape, MappedFile::share(std::move(file), offset));
    Tensor copy = Tensor::allocate(type, shape);
    std::memcpy(copy.mutableBytes(), bytes, copy.sizeBytes());
    normaliseBools(copy);
    return copy;
}

void normaliseBools(Tensor &tensor) {
    if (tensor.dtype() == DType::Bool)
        for (std::uint8_t &value : tensor.mutableValues<std::uint8_t>())
            value = value != 0;
}

bool naturalLess(std::string_view a, std::string_view b) {
    while (!a.empty() && !b.empty()) {
        if (isDigit(a.front()) && isDigit(b.front())) {
            const std::string_view left = numberAt(a), right = numberAt(b);
            if (left.size() != right.size())
                return left.size() < right.size();
            if (left != right)
                return left < right;
            a.remove_prefix(digitCount(a));
            b.remove_prefix(digitCount(b));
        } else if (a.front() != b.front()) {
            return a.front() < b.front();
        } else {
            a.remove_prefix(1);
            b.remove_prefix(1);
        }
    }
    return a.size() < b.size();
}

} // namespace qs
