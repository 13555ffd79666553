#pragma once

#include "core/base/result.h"

#include <filesystem>
#include <string_view>

namespace qs {

/// A file that appears whole or not at all: it is written beside its target under a temporary name and
/// renamed by commit(). Without commit() the target stays as it was and the temporary file is removed.
class AtomicFile {
public:
    /// Reserves a temporary name in the target's folder.
    /// \error IoError  the folder does not exist or is not writable, or the target is a folder
    ///                 or device
    static Result<AtomicFile> create(const std::filesystem::path &target);
    AtomicFile(AtomicFile &&other) noexcept;
    AtomicFile &operator=(AtomicFile &&) = delete;
    ~AtomicFile();

    /// An existing empty file: write here, and close it before commit().
    const std::filesystem::path &temporaryPath() const { return m_temporary; }
    /// Appends bytes. \error IoError  disk full, or the system refused
    Status append(std::string_view bytes);
    /// Flushes to the disk and replaces the target. \error IoError  the target stays as it was
    Status commit();

private:
    AtomicFile(std::filesystem::path target, std::filesystem::path temporary, int descriptor);
    std::filesystem::path m_target, m_temporary;
    int m_descriptor = -1;
};

/// Replaces the file's content in one step. \error IoError  the old content stays
Status writeFileAtomically(const std::filesystem::path &file, std::string_view bytes);

} // namespace qs
