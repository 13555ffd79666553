#include "core/io/mapped_file.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <mutex>
#include <new>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qs {
namespace {

constexpr std::size_t kSmallFile = std::size_t(1) << 20;

/// A mapped range that the bus-error handler may patch. Atomics, because a handler may run at any time.
struct Region {
    std::atomic<std::uintptr_t> begin{0};
    std::atomic<std::uintptr_t> end{0};
    std::atomic<bool> damaged{false};
};

std::array<Region, 4096> g_regions; // a signal handler can reach nothing but globals
std::mutex g_regionMutex;           // for everybody but the handler
std::array<const MappedFile *, 4096> g_owners;
std::vector<std::filesystem::path> g_closedDamaged; // files that lost a part and are no longer open
struct sigaction g_previousHandler;
std::size_t g_pageSize = 4096;

/// A page of a mapped file has gone: put a page of zeros in its place and go on. Uses system calls only.
void onBusError(int, siginfo_t *info, void *) {
    const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
    for (Region &region : g_regions) {
        if (address < region.begin.load() || address >= region.end.load())
            continue;
        region.damaged.store(true);
        void *page = reinterpret_cast<void *>(address / g_pageSize * g_pageSize);
        if (mmap(page, g_pageSize, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED)
            return;
    }
    // Not ours: the access is repeated under the handler that was there before.
    sigaction(SIGBUS, &g_previousHandler, nullptr);
}

void installHandlerOnce() {
    static std::once_flag once;
    std::call_once(once, [] {
        g_pageSize = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
        struct sigaction action {};
        action.sa_sigaction = onBusError;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK;
        sigemptyset(&action.sa_mask);
        sigaction(SIGBUS, &action, &g_previousHandler);
    });
}

/// Index of a free region that now guards the range, or -1.
int guard(const MappedFile *owner, std::uintptr_t begin, std::uintptr_t end) {
    installHandlerOnce();
    const std::lock_guard lock(g_regionMutex);
    for (std::size_t i = 0; i < g_regions.size(); ++i) {
        if (g_owners[i])
            continue;
        g_owners[i] = owner;
        g_regions[i].damaged.store(false);
        g_regions[i].begin.store(begin);
        g_regions[i].end.store(end);
        return static_cast<int>(i);
    }
    return -1;
}

void unguard(int index) {
    const std::lock_guard lock(g_regionMutex);
    if (g_regions[static_cast<std::size_t>(index)].damaged.load())
        g_closedDamaged.push_back(g_owners[static_cast<std::size_t>(index)]->path());
    g_regions[static_cast<std::size_t>(index)].end.store(0);
    g_regions[static_cast<std::size_t>(index)].begin.store(0);
    g_owners[static_cast<std::size_t>(index)] = nullptr;
}

tl::unexpected<Error> systemError(const std::filesystem::path &file) {
    return fail(ErrorCode::IoError, fmt::format("cannot be read: {}", std::strerror(errno)), file.string());
}

} // namespace

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::filesystem::path &file) {
    // Without O_NONBLOCK a named pipe would wait for a writer.
    const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0 && errno == ENOENT)
        return fail(ErrorCode::NotFound, "there is no such file", file.string());
    if (descriptor < 0)
        return systemError(file);
    auto mapped = fromDescriptor(descriptor, file);
    ::close(descriptor);
    return mapped;
}

Result<std::shared_ptr<const MappedFile>> MappedFile::fromDescriptor(int descriptor,
                                                                     const std::filesystem::path &file) {
    struct stat status {};
    if (fstat(descriptor, &status) != 0)
        return systemError(file);
    if (!S_ISREG(status.st_mode))
        return fail(ErrorCode::IoError, "is not a regular file", file.string());
    std::shared_ptr<MappedFile> mapped(new MappedFile(file));
    const auto size = static_cast<std::size_t>(status.st_size);
    QS_CHECK_OK(size < kSmallFile ? mapped->readAll(descriptor, size) : mapped->map(descriptor, size));
    return std::shared_ptr<const MappedFile>(std::move(mapped));
}

Status MappedFile::map(int descriptor, std::size_t size) {
    void *address = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (address == MAP_FAILED)
        return systemError(m_path);
    const auto begin = reinterpret_cast<std::uintptr_t>(address);
    m_guard = guard(this, begin, begin + size);
    if (m_guard < 0) { // no region left: memory is safe where an unguarded mapping is not
        munmap(address, size);
        return readAll(descriptor, size);
    }
    m_bytes = {static_cast<const std::byte *>(address), size};
    return {};
}

Status MappedFile::readAll(int descriptor, std::size_t size) {
    m_read.reset(new (std::nothrow) std::byte[size + 1]);
    if (!m_read)
        return fail(ErrorCode::OutOfMemory, fmt::format("{} bytes do not fit into memory", size),
                    m_path.string());
    std::size_t done = 0;
    while (done < size) {
        const ssize_t got = pread(descriptor, m_read.get() + done, size - done, static_cast<off_t>(done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return systemError(m_path);
        if (got == 0)
            break; // cut since its size was asked for
        done += static_cast<std::size_t>(got);
    }
    m_bytes = {m_read.get(), done};
    return {};
}

MappedFile::~MappedFile() {
    if (m_guard < 0)
        return;
    unguard(m_guard); // before the addresses can belong to somebody else
    munmap(const_cast<std::byte *>(m_bytes.data()), m_bytes.size());
}

std::shared_ptr<std::byte> MappedFile::share(std::shared_ptr<const MappedFile> file, std::size_t offset) {
    auto *bytes = const_cast<std::byte *>(file->m_bytes.data() + offset);
    return {std::move(file), bytes};
}

std::vector<std::filesystem::path> damagedMappedFiles() {
    const std::lock_guard lock(g_regionMutex);
    std::vector<std::filesystem::path> files = g_closedDamaged;
    for (std::size_t i = 0; i < g_regions.size(); ++i)
        if (g_owners[i] && g_regions[i].damaged.load())
            files.push_back(g_owners[i]->path());
    return files;
}

Finding damagedFileFinding(const std::filesystem::path &file) {
    return {Severity::Error, "the file was cut while it was open; the missing part was read as zeros",
            file.filename().string(),
            "Restore the file and open the model again; results since then are wrong."};
}

} // namespace qs
