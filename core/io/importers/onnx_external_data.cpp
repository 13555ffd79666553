#include "core/io/importers/onnx_external_data.h"

#include "core/io/safe_text.h"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <new>
#include <sys/stat.h>
#include <unistd.h>

namespace qs {
namespace {

/// A file descriptor that closes itself.
class Descriptor {
public:
    explicit Descriptor(int id = -1) : m_id(id) {}
    Descriptor(Descriptor &&other) noexcept : m_id(std::exchange(other.m_id, -1)) {}
    Descriptor &operator=(Descriptor &&other) noexcept {
        std::swap(m_id, other.m_id);
        return *this;
    }
    ~Descriptor() {
        if (m_id >= 0)
            ::close(m_id);
    }
    int get() const { return m_id; }

private:
    int m_id;
};

tl::unexpected<Error> refuse(const std::string &location, const std::string &why) {
    return fail(ErrorCode::CorruptFile,
                fmt::format("its external data is in '{}', {}. Save the model again with its data beside it",
                            safeName(location), why));
}

/// The folders and the file of a location, all of them plain names.
Result<std::vector<std::string>> splitLocation(const std::string &location) {
    if (location.empty())
        return fail(ErrorCode::CorruptFile, "its external data has no location. Save the model again");
    if (location.front() == '/' || location.find_first_of(std::string("\\:\0", 3)) != std::string::npos)
        return refuse(location, "which is no path relative to the model");
    std::vector<std::string> parts;
    for (std::size_t begin = 0; begin <= location.size();) {
        const std::size_t end = std::min(location.find('/', begin), location.size());
        std::string part = location.substr(begin, end - begin);
        begin = end + 1;
        if (part == "..")
            return refuse(location, "which may leave the folder of the model");
        if (!part.empty() && part != ".")
            parts.push_back(std::move(part));
    }
    if (parts.empty() || location.back() == '/')
        return refuse(location, "which names no file");
    return parts;
}

/// Opens folder by folder, so that a symbolic link anywhere on the way is seen and refused.
Result<Descriptor> openBelow(const std::filesystem::path &folder, const std::string &location) {
    QS_TRY(const std::vector<std::string> parts, splitLocation(location));
    Descriptor current(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    for (std::size_t i = 0; i < parts.size() && current.get() >= 0; ++i) {
        const bool last = i + 1 == parts.size();
        const int flags = last ? O_RDONLY | O_NONBLOCK : O_PATH | O_DIRECTORY;
        current = Descriptor(::openat(current.get(), parts[i].c_str(), flags | O_NOFOLLOW | O_CLOEXEC));
    }
    if (current.get() >= 0)
        return current;
    if (errno == ELOOP || errno == ENOTDIR)
        return refuse(location, "which leads through a symbolic link or a file; copy the data to its place");
    if (errno == ENOENT)
        return fail(ErrorCode::NotFound,
                    fmt::format("its external data '{}' is missing; put that file beside the model",
                                safeName(location)));
    return fail(ErrorCode::IoError, fmt::format("its external data '{}' cannot be read: {}",
                                                safeName(location), std::strerror(errno)));
}

Result<std::uint64_t> parseNumber(const std::string &text, const char *what) {
    std::uint64_t number = 0;
    const char *end = text.data() + text.size();
    const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
    if (!digits || std::from_chars(text.data(), end, number).ec != std::errc())
        return fail(ErrorCode::CorruptFile,
                    fmt::format("its external data has the {} '{}', which is no number of bytes", what,
                                safeName(text)));
    return number;
}

} // namespace

Result<Tensor> ExternalData::read(DType type, const Shape &shape, const ExternalLocation &where) {
    QS_TRY(const std::uint64_t size, checkedByteSize(type, shape));
    QS_TRY(const std::uint64_t offset, parseNumber(where.offset.value_or("0"), "offset"));
    if (where.length) {
        QS_TRY(const std::uint64_t length, parseNumber(*where.length, "length"));
        if (length != size)
            return fail(
                ErrorCode::CorruptFile,
                fmt::format("its external data has {} bytes, but {} {} needs {}. Save the model again",
                            length, dtypeName(type), shape.text(), size));
    }
    QS_TRY(const auto mapped, file(where.location));
    std::uint64_t end = 0;
    if (__builtin_add_overflow(offset, size, &end) || end > mapped->bytes().size())
        return fail(
            ErrorCode::CorruptFile,
            fmt::format("its external data ends past the end of '{}', which has {} bytes. Was the file cut "
                        "short? Copy it again",
                        safeName(where.location), mapped->bytes().size()));
    return mappedTensor(type, shape, mapped, offset);
}

Result<std::shared_ptr<const MappedFile>> ExternalData::file(const std::string &location) {
    if (const auto known = m_files.find(location); known != m_files.end())
        return known->second;
    QS_TRY(const Descriptor descriptor, openBelow(m_folder, location));
    QS_TRY(auto mapped, MappedFile::fromDescriptor(descriptor.get(), m_folder / location));
    warnOfHardLinks(descriptor.get(), location);
    m_files.emplace(location, mapped);
    return mapped;
}

void ExternalData::warnOfHardLinks(int descriptor, const std::string &location) {
    struct stat status {};
    if (fstat(descriptor, &status) == 0 && status.st_nlink > 1)
        m_findings.add(
            Severity::Warning,
            "the external data file has more than one name (hard links): it may belong to something else",
            safeName(location), "make sure that the model comes from somebody you trust");
}

} // namespace qs
