#include "app/cli/terminal_progress.h"

#include "core/base/number_text.h"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace qs::app {
namespace {

/// The first `width` characters of a UTF-8 text.
std::string cutTo(const std::string &text, std::size_t width) {
    std::size_t characters = 0;
    for (std::size_t at = 0; at < text.size(); ++at)
        if ((static_cast<unsigned char>(text[at]) & 0xC0) != 0x80 && ++characters > width)
            return text.substr(0, at);
    return text;
}

} // namespace

std::unique_ptr<TerminalProgress> TerminalProgress::forTerminal() {
    return ::isatty(STDERR_FILENO) ? std::make_unique<TerminalProgress>() : nullptr;
}

TerminalProgress::~TerminalProgress() {
    clear();
}

void TerminalProgress::step(std::int64_t done, std::int64_t total, std::string_view stage) {
    const std::lock_guard lock(m_mutex);
    const auto now = Clock::now();
    const double share =
        total > 0 ? std::clamp(static_cast<double>(done) / static_cast<double>(total), 0.0, 1.0) : 0;
    if (share < m_share) {
        m_started = now;
        m_startShare = share;
    }
    m_share = share;
    if (now - m_shown < std::chrono::milliseconds(100))
        return;
    m_shown = now;
    const std::string percent = total > 0 ? fmt::format("{:3.0f} %  ", 100 * share) : "";
    show(percent + printable(stage) + remainingText(share, now));
}

std::string TerminalProgress::remainingText(double share, Clock::time_point now) {
    const double elapsed = std::chrono::duration<double>(now - m_started).count();
    const double advanced = share - m_startShare;
    if (elapsed < 1 || advanced <= 0)
        return "";
    return fmt::format("  ({} left)", durationText(elapsed / advanced * (1 - share)));
}

void TerminalProgress::show(const std::string &line) {
    winsize size{};
    const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
    const std::size_t width = known ? size.ws_col - 1u : 79u;
    // \x1b[K clears what a longer line left behind.
    fmt::print(stderr, "\r{}\x1b[K", cutTo(line, width));
    std::fflush(stderr);
    m_visible = true;
}

void TerminalProgress::clear() {
    const std::lock_guard lock(m_mutex);
    if (m_visible)
        fmt::print(stderr, "\r\x1b[K");
    std::fflush(stderr);
    m_visible = false;
}

} // namespace qs::app
