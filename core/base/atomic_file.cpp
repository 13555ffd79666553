#include "core/base/atomic_file.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace qs {
namespace {

tl::unexpected<Error> ioError(const char *what, const std::filesystem::path &file, int error) {
    return fail(ErrorCode::IoError,
                fmt::format("{}: {}. Choose another place or free space there.", what,
                            std::generic_category().message(error)),
                file.string());
}

} // namespace

Result<AtomicFile> AtomicFile::create(const std::filesystem::path &target) {
    std::error_code ignored;
    // Replacing a device would take /dev/null away from the whole machine.
    if (std::filesystem::exists(target, ignored) && !std::filesystem::is_regular_file(target, ignored))
        return fail(ErrorCode::IoError, "is a folder or device, not a file. Name a file to write.",
                    target.string());
    // Through a link the file behind it is replaced, not the link.
    std::filesystem::path real = target;
    if (std::filesystem::is_symlink(target, ignored)) {
        std::error_code error;
        real = std::filesystem::weakly_canonical(target, error);
        if (error)
            return ioError("cannot follow the link", target, error.value());
    }
    std::string name = real.string() + ".XXXXXX";
    const int descriptor = ::mkostemp(name.data(), O_CLOEXEC);
    if (descriptor < 0)
        return ioError("cannot write", target, errno);
    // mkstemp makes it private; a file that users save follows their umask or keeps what it had.
    struct stat existing {};
    mode_t mode = 0;
    if (::stat(real.c_str(), &existing) == 0) {
        mode = existing.st_mode & 0777;
    } else {
        const mode_t mask = ::umask(0);
        ::umask(mask);
        mode = 0666 & ~mask;
    }
    ::fchmod(descriptor, mode);
    return AtomicFile(real, name, descriptor);
}

AtomicFile::AtomicFile(std::filesystem::path target, std::filesystem::path temporary, int descriptor)
    : m_target(std::move(target)), m_temporary(std::move(temporary)), m_descriptor(descriptor) {}

AtomicFile::AtomicFile(AtomicFile &&other) noexcept
    : m_target(std::move(other.m_target)), m_temporary(std::move(other.m_temporary)),
      m_descriptor(std::exchange(other.m_descriptor, -1)) {}

AtomicFile::~AtomicFile() {
    if (m_descriptor < 0)
        return;
    ::close(m_descriptor);
    ::unlink(m_temporary.c_str());
}

Status AtomicFile::append(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(m_descriptor, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return ioError("cannot write", m_target, errno);
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

Status AtomicFile::commit() {
    // fsync reports what delayed writing found out late, such as a full disk or an exceeded quota.
    if (::fsync(m_descriptor) != 0)
        return ioError("cannot write", m_target, errno);
    if (::rename(m_temporary.c_str(), m_target.c_str()) != 0)
        return ioError("cannot replace", m_target, errno);
    ::close(std::exchange(m_descriptor, -1));
    return {};
}

Status writeFileAtomically(const std::filesystem::path &file, std::string_view bytes) {
    QS_TRY(AtomicFile atomic, AtomicFile::create(file));
    QS_CHECK_OK(atomic.append(bytes));
    return atomic.commit();
}

} // namespace qs
