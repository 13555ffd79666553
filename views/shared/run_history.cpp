#include "views/shared/run_history.h"

#include <algorithm>

namespace qs::views {

std::vector<RunEntry> RunHistory::compared() const {
    std::vector<RunEntry> ticked;
    std::copy_if(m_entries.begin(), m_entries.end(), std::back_inserter(ticked),
                 [](const RunEntry &entry) { return entry.compared; });
    return ticked;
}

const RunEntry *RunHistory::find(int number) const {
    const auto found = std::find_if(m_entries.begin(), m_entries.end(),
                                    [&](const RunEntry &entry) { return entry.number == number; });
    return found == m_entries.end() ? nullptr : &*found;
}

const RunEntry *RunHistory::find(const Run *run) const {
    const auto found = std::find_if(m_entries.begin(), m_entries.end(),
                                    [&](const RunEntry &entry) { return entry.run.get() == run; });
    return found == m_entries.end() ? nullptr : &*found;
}

void RunHistory::add(std::shared_ptr<const Run> run) {
    m_entries.push_back({++m_lastNumber, std::move(run)});
}

void RunHistory::setCompared(int number, bool compared) {
    for (RunEntry &entry : m_entries)
        if (entry.number == number)
            entry.compared = compared;
}

void RunHistory::remove(int number) {
    std::erase_if(m_entries, [&](const RunEntry &entry) { return entry.number == number; });
}

void RunHistory::clear() {
    m_entries.clear();
    m_lastNumber = 0;
}

} // namespace qs::views
