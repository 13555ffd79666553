#include "core/base/finding.h"

#include <algorithm>

namespace qs {
namespace {

/// Nobody reads more, and a hostile file can give rise to a million.
constexpr std::size_t kMostFindings = 1000;

} // namespace

const char *severityName(Severity severity) {
    switch (severity) {
    case Severity::Info:
        return "info";
    case Severity::Warning:
        return "warning";
    case Severity::Error:
        return "error";
    }
    return "unknown";
}

Finding toFinding(const Error &error) {
    return {Severity::Error, error.message, error.where, {}};
}

void FindingList::add(Finding finding) {
    std::scoped_lock lock(m_mutex);
    if (m_entries.size() >= kMostFindings)
        finding = {Severity::Warning, "There are more findings than these, which are not listed", {}, {}};
    auto same = std::find_if(m_entries.begin(), m_entries.end(),
                             [&](const Entry &entry) { return entry.finding == finding; });
    if (same != m_entries.end())
        ++same->count;
    else
        m_entries.push_back({std::move(finding), 1});
}

void FindingList::add(Severity severity, std::string what, std::string where, std::string action) {
    add(Finding{severity, std::move(what), std::move(where), std::move(action)});
}

std::vector<FindingList::Entry> FindingList::snapshot() const {
    std::scoped_lock lock(m_mutex);
    return m_entries;
}

void FindingList::clear() {
    std::scoped_lock lock(m_mutex);
    m_entries.clear();
}

} // namespace qs
