#include "core/session/sweep/sweep_store.h"

#include "core/base/atomic_file.h"
#include "core/base/json_text.h"

#include <algorithm>
#include <fmt/format.h>

namespace qs {
namespace {

std::string dataText(const SweepModel &model) {
    const auto text = [](const SweepSet &set) {
        return set.file.empty()
                   ? "none"
                   : fmt::format("{} samples of {} ({}…)", set.samples, set.file, set.sha256.substr(0, 8));
    };
    return fmt::format("model {}…, calibration {}, evaluation {}", model.sha256.substr(0, 8),
                       text(model.calibration), text(model.evaluation));
}

/// Whether every method is still the version that made the result.
bool isCurrent(const SweepRecord &record, const MethodRegistry &methods) {
    return std::all_of(record.methodVersions.begin(), record.methodVersions.end(), [&](const auto &entry) {
        const MethodInfo *method = methods.info(entry.first);
        return method && method->version == entry.second;
    });
}

} // namespace

Result<std::unique_ptr<SweepStore>> SweepStore::open(const std::filesystem::path &file,
                                                     std::vector<SweepJob> jobs,
                                                     const SweepObserver &observer) {
    std::unique_ptr<SweepStore> store(new SweepStore(file, std::move(jobs), observer));
    std::error_code error;
    if (std::filesystem::exists(file, error)) {
        QS_TRY(SweepResults results, readSweep(file));
        store->m_results = std::make_shared<const SweepResults>(std::move(results));
    }
    // That the file cannot be written is said before hours are spent on what belongs in it.
    if (auto writable = AtomicFile::create(file); !writable)
        return fail(std::move(writable).error());
    return store;
}

Status SweepStore::addModel(const SweepModel &model) {
    std::scoped_lock lock(m_mutex);
    auto results = std::make_shared<SweepResults>(*m_results);
    const auto known = std::find_if(results->models.begin(), results->models.end(),
                                    [&](const SweepModel &other) { return other.name == model.name; });
    if (known == results->models.end())
        results->models.push_back(model);
    else if (!known->sameData(model))
        return fail(
            ErrorCode::InvalidArgument,
            fmt::format("holds results of {} on other data, which must not stand beside new ones. There: {}. "
                        "Now: {}. Write to another file.",
                        model.name, dataText(*known), dataText(model)),
            m_file.string());
    else if (!model.taskMetric.empty())
        *known = model;
    m_results = std::move(results);
    return {};
}

std::vector<SweepJob> SweepStore::missing(const MethodRegistry &methods) const {
    const auto results = snapshot();
    std::vector<SweepJob> jobs;
    for (const SweepJob &job : m_jobs) {
        const SweepRecord *record = results->findRecord(job);
        if (!record || record->state == SweepRecord::State::Failed || !isCurrent(*record, methods))
            jobs.push_back(job);
    }
    return jobs;
}

/// Jobs end in any order; the file shall not depend on it.
void SweepStore::sortRecords(SweepResults &results) const {
    const auto place = [&](const SweepRecord &record) {
        const auto found = std::find(m_jobs.begin(), m_jobs.end(), record.job);
        return found == m_jobs.end() ? -1 : static_cast<std::ptrdiff_t>(found - m_jobs.begin());
    };
    std::vector<std::pair<std::ptrdiff_t, SweepRecord>> placed;
    for (SweepRecord &record : results.records)
        placed.emplace_back(place(record), std::move(record));
    std::stable_sort(placed.begin(), placed.end(),
                     [](const auto &a, const auto &b) { return a.first < b.first; });
    for (std::size_t i = 0; i < placed.size(); ++i)
        results.records[i] = std::move(placed[i].second);
}

Status SweepStore::add(SweepRecord record) {
    std::scoped_lock lock(m_mutex);
    auto results = std::make_shared<SweepResults>(*m_results);
    const auto known = std::find_if(results->records.begin(), results->records.end(),
                                    [&](const SweepRecord &other) { return other.job == record.job; });
    if (known == results->records.end())
        results->records.push_back(std::move(record));
    else
        *known = std::move(record);
    sortRecords(*results);
    QS_CHECK_OK(writeFileAtomically(m_file, jsonText(sweepToJson(*results))));
    m_results = results;
    if (m_observer)
        m_observer(m_results);
    return {};
}

std::shared_ptr<const SweepResults> SweepStore::snapshot() const {
    std::scoped_lock lock(m_mutex);
    return m_results;
}

} // namespace qs
