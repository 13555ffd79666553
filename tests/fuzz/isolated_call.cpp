#include "core/io/isolated_call.h"

// In place of core/io/isolated_call.cpp, whose child process costs a hundred times what reading does and
// hides what the sanitizers find in it: here, trying out a file is fuzzed like all the rest.

namespace qs {

Status runIsolated(const std::function<void()> &work, int, const RunContext &) {
    work();
    return {};
}

} // namespace qs
