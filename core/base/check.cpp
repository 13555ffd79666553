#include "core/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace qs {

void checkFailed(const char *condition, const char *message, const char *file, int line) {
    std::fprintf(stderr, "%s:%d: bug: %s (%s)\n", file, line, message, condition);
    std::abort();
}

} // namespace qs
