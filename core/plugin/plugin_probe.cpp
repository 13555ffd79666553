#include "core/plugin/plugin_probe.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

namespace qs {
namespace {

using Clock = std::chrono::steady_clock;

// The helper reports on this descriptor, because a plugin may print to standard output.
constexpr int kReportDescriptor = 3;
constexpr std::size_t kMaxOutput = 1 << 20;

/// Closes a file descriptor at the end of its life.
class Descriptor {
public:
    explicit Descriptor(int fd) : m_fd(fd) {}
    ~Descriptor() { close(); }
    Descriptor(const Descriptor &) = delete;
    Descriptor &operator=(const Descriptor &) = delete;
    int get() const { return m_fd; }
    void close() {
        if (m_fd >= 0)
            ::close(m_fd);
        m_fd = -1;
    }

private:
    int m_fd;
};

std::filesystem::path helperPath() {
    std::error_code ignored;
    return std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path() / "qscope-plugin-probe";
}

Result<pid_t> spawn(const std::vector<std::string> &arguments, int reportFd) {
    std::vector<char *> argv;
    for (const std::string &argument : arguments)
        argv.push_back(const_cast<char *>(argument.c_str())); // posix_spawn does not write to them
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, reportFd, kReportDescriptor);
    // A group of its own, so that what the plugin starts can be ended with it.
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    pid_t pid = -1;
    const int error = posix_spawn(&pid, argv[0], &actions, &attributes, argv.data(), environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0)
        return fail(ErrorCode::IoError,
                    fmt::format("cannot start the plugin helper: {}", std::strerror(error)), arguments[0]);
    return pid;
}

enum class ReadEnd { Closed, Deadline, Cancelled };

/// Collects output until the other side closes it.
ReadEnd readReport(int fd, Clock::time_point deadline, const RunContext &ctx, std::string &output) {
    std::array<char, 4096> buffer;
    while (true) {
        if (ctx.cancelled())
            return ReadEnd::Cancelled;
        if (Clock::now() >= deadline)
            return ReadEnd::Deadline;
        pollfd wait{fd, POLLIN, 0};
        if (poll(&wait, 1, 20) <= 0)
            continue;
        const ssize_t count = read(fd, buffer.data(), buffer.size());
        if (count == 0 || (count < 0 && errno != EINTR))
            return ReadEnd::Closed;
        if (count > 0 && output.size() < kMaxOutput)
            output.append(buffer.data(), static_cast<std::size_t>(count));
    }
}

/// Waits for the end of the process until the deadline; false when it still runs.
bool waitUntil(pid_t pid, Clock::time_point deadline, int &status) {
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (Clock::now() >= deadline)
            return false;
        usleep(1000);
    }
    return true;
}

void killGroup(pid_t pid, int &status) {
    kill(-pid, SIGKILL);
    waitpid(pid, &status, 0);
}

} // namespace

Result<ProbeReply> runProbe(const std::string &mode, const std::filesystem::path &file,
                            std::chrono::milliseconds timeout, const RunContext &ctx) {
    const std::filesystem::path helper = helperPath();
    std::error_code ignored;
    if (!std::filesystem::exists(helper, ignored))
        return fail(ErrorCode::NotFound, "the plugin helper is missing; reinstall the program",
                    helper.string());
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
        return fail(ErrorCode::IoError, fmt::format("cannot make a pipe: {}", std::strerror(errno)));
    Descriptor readEnd(ends[0]);
    Descriptor writeEnd(ends[1]);
    QS_TRY(const pid_t pid, spawn({helper.string(), mode, file.string()}, writeEnd.get()));
    writeEnd.close();

    ProbeReply reply;
    const auto deadline = Clock::now() + timeout;
    const ReadEnd readingEnd = readReport(readEnd.get(), deadline, ctx, reply.output);
    int status = 0;
    if (readingEnd == ReadEnd::Cancelled) {
        killGroup(pid, status);
        return RunContext::cancelledError();
    }
    if (readingEnd == ReadEnd::Deadline || !waitUntil(pid, deadline, status)) {
        killGroup(pid, status);
        reply.end = ProbeReply::End::TimedOut;
        return reply;
    }
    reply.end = WIFSIGNALED(status) ? ProbeReply::End::Signalled : ProbeReply::End::Exited;
    reply.code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
    return reply;
}

std::string describeEnd(const ProbeReply &reply, std::string_view doing) {
    if (reply.end == ProbeReply::End::TimedOut)
        return fmt::format("the plugin did not finish in time while {}", doing);
    if (reply.end == ProbeReply::End::Signalled) {
        const char *name = sigabbrev_np(reply.code);
        return fmt::format("the plugin crashed with {}{} while {}", name ? "SIG" : "signal ",
                           name ? name : std::to_string(reply.code).c_str(), doing);
    }
    return {};
}

Result<std::optional<PluginProblem>> probePlugin(const std::filesystem::path &file,
                                                 std::chrono::milliseconds timeout) {
    QS_TRY(const ProbeReply reply, runProbe("load", file, timeout, RunContext{}));
    if (reply.end != ProbeReply::End::Exited)
        return PluginProblem{reply.end == ProbeReply::End::TimedOut ? PluginFailure::TimedOut
                                                                    : PluginFailure::Crashed,
                             describeEnd(reply, "loading"), file};
    // First line: "ok" or the name of the failure; the rest is the message.
    std::istringstream report(reply.output);
    std::string kind;
    std::string message;
    const bool complete = std::getline(report, kind) && std::getline(report, message, '\0');
    if (kind == "ok" && reply.code == 0)
        return std::nullopt;
    for (PluginFailure failure :
         {PluginFailure::CannotOpen, PluginFailure::NoSymbol, PluginFailure::WrongMajor,
          PluginFailure::StructTooSmall, PluginFailure::InitFailed})
        if (complete && kind == pluginFailureName(failure))
            return PluginProblem{failure, message, file};
    return PluginProblem{
        PluginFailure::Crashed,
        fmt::format("the plugin ended the process with exit code {} while loading", reply.code), file};
}

} // namespace qs
