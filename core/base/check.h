#pragma once

namespace qs {
/// Logs the broken promise with its place and aborts. Only bugs get here, never user input.
[[noreturn]] void checkFailed(const char *condition, const char *message, const char *file, int line);
} // namespace qs

#define QS_CHECK(condition, message)                                                                         \
    (static_cast<bool>(condition) ? void(0) : ::qs::checkFailed(#condition, message, __FILE__, __LINE__))

#ifdef NDEBUG
#define QS_DCHECK(condition, message) void(0)
#else
#define QS_DCHECK(condition, message) QS_CHECK(condition, message)
#endif
