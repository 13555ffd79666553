#include "core/io/isolated_call.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace qs {
namespace {

constexpr rlim_t kExtraMemory = rlim_t(4) << 30; ///< what the child may allocate beyond what it inherits

void setLimit(decltype(RLIMIT_CPU) resource, rlim_t value) {
    rlimit limit{};
    getrlimit(resource, &limit);
    limit.rlim_cur = std::min(value, limit.rlim_max);
    setrlimit(resource, &limit);
}

/// Die quietly and soon: no crash reports or core dumps, no more time and memory than allowed.
void prepareChild(int cpuSeconds, rlim_t addressSpace) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGXCPU})
        std::signal(signal, SIG_DFL);
    const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    setLimit(RLIMIT_CORE, 0);
    setLimit(RLIMIT_CPU, static_cast<rlim_t>(cpuSeconds));
    setLimit(RLIMIT_AS, addressSpace);
}

[[noreturn]] void runChild(const std::function<void()> &work, int cpuSeconds, rlim_t addressSpace) {
    prepareChild(cpuSeconds, addressSpace);
    try {
        work();
    } catch (...) { // an exception is an orderly end; the real call will meet it again
    }
    _exit(0);
}

/// Bytes of address space in use, so that the child's limit is relative to them.
rlim_t addressSpaceInUse() {
    rlim_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    return pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE));
}

/// A child that sleeps uses no processor time; on a busy machine an honest one may take this much longer.
constexpr int kWallPerCpuSecond = 20;

/// Waits for the child; kills it when the user cancels or the time is up.
Result<int> waitFor(pid_t child, int cpuSeconds, const RunContext &ctx) {
    const auto deadline =
        std::chrono::steady_clock::now() + std::chrono::seconds(cpuSeconds * kWallPerCpuSecond);
    auto pause = std::chrono::microseconds(100);
    for (;;) {
        int status = 0;
        const pid_t ended = waitpid(child, &status, WNOHANG);
        if (ended == child)
            return status;
        if (ended < 0 && errno != EINTR)
            return fail(ErrorCode::IoError,
                        fmt::format("a child process was lost: {}", std::strerror(errno)));
        if (ctx.cancelled()) {
            kill(child, SIGKILL);
            waitpid(child, &status, 0);
            return RunContext::cancelledError();
        }
        if (std::chrono::steady_clock::now() > deadline)
            kill(child, SIGXCPU);
        std::this_thread::sleep_for(pause);
        pause = std::min(pause * 2, std::chrono::microseconds(20000));
    }
}

} // namespace

Status runIsolated(const std::function<void()> &work, int cpuSeconds, const RunContext &ctx) {
    const rlim_t addressSpace = addressSpaceInUse() + kExtraMemory;
    const pid_t child = fork();
    if (child < 0)
        return fail(ErrorCode::IoError, fmt::format("no process can be started: {}", std::strerror(errno)));
    if (child == 0)
        runChild(work, cpuSeconds, addressSpace);
    QS_TRY(const int status, waitFor(child, cpuSeconds, ctx));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return {};
    const bool hung = WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU;
    return fail(ErrorCode::CorruptFile,
                hung ? "reading it never ends" : "reading it crashes the library that does it");
}

} // namespace qs
