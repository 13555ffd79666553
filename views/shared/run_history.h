#pragma once

#include "core/session/run.h"

namespace qs::views {

/// A finished run of the open model.
struct RunEntry {
    int number = 0; ///< from 1, never reused while the model is open
    std::shared_ptr<const Run> run;
    bool compared = true; ///< ticked in the method bench

    /// "#2 w4-gptq"
    std::string title() const { return "#" + std::to_string(number) + " " + run->name; }
};

/// The finished runs of the open model, oldest first. A value; WorkbenchContext owns it and tells of changes.
class RunHistory {
public:
    const std::vector<RunEntry> &entries() const { return m_entries; }
    std::vector<RunEntry> compared() const;
    /// nullptr when there is no run of that number, or the run is not finished.
    const RunEntry *find(int number) const;
    const RunEntry *find(const Run *run) const;

    void add(std::shared_ptr<const Run> run);
    void setCompared(int number, bool compared);
    void remove(int number);
    void clear();

private:
    std::vector<RunEntry> m_entries;
    int m_lastNumber = 0;
};

} // namespace qs::views
