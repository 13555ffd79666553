#pragma once

#include "core/session/run.h"

namespace qs {

/// A finished run of the open model.
struct RunEntry {
    int number = 0; ///< from 1, never reused while the model is open
    std::shared_ptr<const Run> run;
    int parent = 0;       ///< number of the run whose recipe this one's was edited from; 0 = none
    bool compared = true; ///< ticked in the method bench

    /// "#2 w4-gptq"
    std::string title() const { return "#" + std::to_string(number) + " " + run->name; }
};

/// The finished runs of the open model, oldest first, and which came from which. A value; WorkbenchContext
/// owns it and tells of changes.
class RunHistory {
public:
    RunHistory() = default;
    /// As it was stored: numbers ascending, parents older than their children (others become 0).
    RunHistory(std::vector<RunEntry> entries, int lastNumber);
    /// One run as it is, its parent elsewhere.
    static RunHistory single(RunEntry entry);

    const std::vector<RunEntry> &entries() const { return m_entries; }
    std::vector<RunEntry> compared() const;
    /// nullptr when there is no run of that number, or the run is not finished.
    const RunEntry *find(int number) const;
    const RunEntry *find(const Run *run) const;
    /// The newest run of that very recipe, or nullptr.
    const RunEntry *findRecipe(const Recipe &recipe) const;
    int lastNumber() const { return m_lastNumber; } ///< also of runs that were removed

    /// Returns the run's number.
    int add(std::shared_ptr<const Run> run, int parent = 0);
    void setCompared(int number, bool compared);
    /// Its children become those of its parent.
    void remove(int number);
    void clear();

private:
    std::vector<RunEntry> m_entries;
    int m_lastNumber = 0;
};

} // namespace qs
