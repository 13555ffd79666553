#pragma once

#include "core/base/result.h"

#include <mutex>
#include <string>
#include <vector>

namespace qs {

enum class Severity { Info, Warning, Error };
const char *severityName(Severity severity);

/// Something the user should know: what, where, what to do. Kept as data, shown in the Findings dock and
/// printed by qscope.
struct Finding {
    Severity severity = Severity::Warning;
    std::string what;   ///< one sentence
    std::string where;  ///< file, node or layer name; a layer name makes the finding a jump target
    std::string action; ///< what to do about it; may be empty

    bool operator==(const Finding &) const = default;
};

Finding toFinding(const Error &error);

/// Collects findings from any thread; equal findings are counted, not repeated.
class FindingList {
public:
    struct Entry {
        Finding finding;
        int count = 1;
    };
    /// \thread safe
    void add(Finding finding);
    /// \thread safe
    void add(Severity severity, std::string what, std::string where = {}, std::string action = {});
    /// A copy of everything collected so far, in order of first appearance. \thread safe
    std::vector<Entry> snapshot() const;
    void clear();

private:
    mutable std::mutex m_mutex;
    std::vector<Entry> m_entries;
};

} // namespace qs
