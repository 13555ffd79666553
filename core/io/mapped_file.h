#pragma once

#include "core/base/finding.h"

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

namespace qs {

/// A file mapped read-only into memory; small files are simply read. Tensors keep it alive through share().
/// When another program cuts the file while it is mapped, the missing part reads as zeros instead of ending
/// the program, and damagedMappedFiles() names it. \thread safe
class MappedFile {
public:
    /// \error NotFound, IoError  not a regular file, or the system refuses;  OutOfMemory
    static Result<std::shared_ptr<const MappedFile>> open(const std::filesystem::path &file);
    /// The same for a descriptor of a regular file, which stays the caller's. `file` is for messages.
    static Result<std::shared_ptr<const MappedFile>> fromDescriptor(int descriptor,
                                                                    const std::filesystem::path &file);
    ~MappedFile();
    MappedFile(const MappedFile &) = delete;
    MappedFile &operator=(const MappedFile &) = delete;

    const std::filesystem::path &path() const { return m_path; }
    std::span<const std::byte> bytes() const { return m_bytes; }
    /// The bytes from `offset` on, as a pointer that keeps the mapping alive. They must not be written.
    static std::shared_ptr<std::byte> share(std::shared_ptr<const MappedFile> file, std::size_t offset);

private:
    explicit MappedFile(std::filesystem::path path) : m_path(std::move(path)) {}
    Status map(int descriptor, std::size_t size);
    Status readAll(int descriptor, std::size_t size);

    std::filesystem::path m_path;
    std::span<const std::byte> m_bytes;
    std::unique_ptr<std::byte[]> m_read; ///< the bytes of a small file
    int m_guard = -1;                    ///< index of the guarded region, -1 when the file was read
};

/// Mapped files of which a part was missing when it was read, since the program started. \thread safe
std::vector<std::filesystem::path> damagedMappedFiles();
Finding damagedFileFinding(const std::filesystem::path &file);

} // namespace qs
