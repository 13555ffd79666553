#pragma once

#include "core/session/sweep/sweep_results.h"

#include <functional>
#include <mutex>

namespace qs {

/// Called on a worker each time there is one more result.
using SweepObserver = std::function<void(std::shared_ptr<const SweepResults>)>;

/// The result file of a sweep while it runs: replaced as a whole after every job, so that whoever stops or
/// kills the program loses the jobs under way and nothing else.
class SweepStore {
public:
    /// Takes over what the file holds; an absent file is an empty one. \param jobs  of the plan: their
    /// records stand in this order, behind those of other plans \error CorruptFile, IoError  the file is
    /// something else: it is not overwritten
    static Result<std::unique_ptr<SweepStore>>
    open(const std::filesystem::path &file, std::vector<SweepJob> jobs, const SweepObserver &observer);

    /// Adds or updates a model. \error InvalidArgument  the file has results of it on other data
    Status addModel(const SweepModel &model);
    /// The jobs of the plan that have no result yet, a failed one, or one of another version of a method.
    std::vector<SweepJob> missing(const MethodRegistry &methods) const;
    /// Adds a result, in place of the earlier one of the same job, and writes the file. \thread safe
    /// \error IoError  the file is as it was before
    Status add(SweepRecord record);
    /// \thread safe
    std::shared_ptr<const SweepResults> snapshot() const;

private:
    SweepStore(std::filesystem::path file, std::vector<SweepJob> jobs, SweepObserver observer)
        : m_file(std::move(file)), m_jobs(std::move(jobs)), m_observer(std::move(observer)) {}
    void sortRecords(SweepResults &results) const;

    std::filesystem::path m_file;
    std::vector<SweepJob> m_jobs;
    SweepObserver m_observer;
    mutable std::mutex m_mutex;
    std::shared_ptr<const SweepResults> m_results = std::make_shared<const SweepResults>();
};

} // namespace qs
