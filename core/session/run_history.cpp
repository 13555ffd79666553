#include "core/session/run_history.h"

#include <algorithm>

namespace qs {

RunHistory::RunHistory(std::vector<RunEntry> entries, int lastNumber)
    : m_entries(std::move(entries)), m_lastNumber(lastNumber) {
    for (RunEntry &entry : m_entries) {
        m_lastNumber = std::max(m_lastNumber, entry.number);
        if (entry.parent >= entry.number || !find(entry.parent))
            entry.parent = 0;
    }
}

RunHistory RunHistory::single(RunEntry entry) {
    RunHistory history;
    history.m_lastNumber = entry.number;
    history.m_entries.push_back(std::move(entry));
    return history;
}

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

const RunEntry *RunHistory::findRecipe(const Recipe &recipe) const {
    const auto found = std::find_if(m_entries.rbegin(), m_entries.rend(),
                                    [&](const RunEntry &entry) { return entry.run->recipe == recipe; });
    return found == m_entries.rend() ? nullptr : &*found;
}

int RunHistory::add(std::shared_ptr<const Run> run, int parent) {
    m_entries.push_back({++m_lastNumber, std::move(run), parent});
    return m_lastNumber;
}

void RunHistory::setCompared(int number, bool compared) {
    for (RunEntry &entry : m_entries)
        if (entry.number == number)
            entry.compared = compared;
}

void RunHistory::remove(int number) {
    const RunEntry *removed = find(number);
    if (!removed)
        return;
    const int parent = removed->parent;
    for (RunEntry &entry : m_entries)
        if (entry.parent == number)
            entry.parent = parent;
    std::erase_if(m_entries, [&](const RunEntry &entry) { return entry.number == number; });
}

void RunHistory::clear() {
    *this = RunHistory();
}

} // namespace qs
