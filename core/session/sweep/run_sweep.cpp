#include "core/session/sweep/run_sweep.h"

#include "core/session/sweep/sweep_bench.h"

#include <algorithm>
#include <atomic>
#include <fmt/format.h>
#include <mutex>
#include <thread>

namespace qs {
namespace {

constexpr int kMostAtOnce = 8; // each holds the weights of a quantized model

/// Joins the progress of jobs that run at once: a job counts kUnits.
class SweepProgress {
public:
    static constexpr std::int64_t kUnits = 1000;
    SweepProgress(const RunContext &ctx, std::size_t jobs)
        : m_ctx(ctx), m_jobs(static_cast<std::int64_t>(jobs)) {}

    /// \param units  that a job has come further
    void advance(std::int64_t units, const std::string &what) {
        const std::int64_t done = m_done += units;
        m_ctx.step(done, m_jobs * kUnits,
                   fmt::format("job {} of {}: {}", std::min(m_jobs, done / kUnits + 1), m_jobs, what));
    }

private:
    const RunContext &m_ctx;
    std::int64_t m_jobs;
    std::atomic<std::int64_t> m_done{0};
};

/// One job's share of the whole.
class JobProgress final : public ProgressSink {
public:
    JobProgress(SweepProgress &whole, std::string what) : m_whole(whole), m_what(std::move(what)) {}

    void step(std::int64_t done, std::int64_t total, std::string_view) override {
        if (total > 0)
            reach(SweepProgress::kUnits * done / total);
    }
    /// Never back: stages of a job may count anew.
    void reach(std::int64_t units) {
        std::int64_t before = m_reached;
        while (units > before && !m_reached.compare_exchange_weak(before, units)) {
        }
        if (units > before)
            m_whole.advance(units - before, m_what);
    }

private:
    SweepProgress &m_whole;
    std::string m_what;
    std::atomic<std::int64_t> m_reached{0};
};

std::string jobText(const SweepJob &job) {
    return fmt::format("{}, {}", job.model, job.recipe.name);
}

class SweepExecution {
public:
    SweepExecution(const SweepPlan &plan, SweepStore &store, std::shared_ptr<const MethodRegistry> methods,
                   std::size_t missing, FindingList &findings, const RunContext &ctx)
        : m_plan(plan), m_store(store), m_methods(std::move(methods)), m_findings(findings), m_ctx(ctx),
          m_progress(ctx, missing) {}

    /// \param jobs  all of the bench's model
    Status runModel(SweepBench &bench, const std::vector<SweepJob> &jobs) {
        std::vector<Recipe> recipes;
        for (const SweepJob &job : jobs)
            recipes.push_back(job.recipe);
        RunContext preparing = m_ctx;
        preparing.progress = nullptr;
        m_progress.advance(0, "running " + bench.description.name + " in float");
        QS_CHECK_OK(prepareBench(bench, recipes, m_plan, *m_methods, m_findings, preparing));
        m_cost.add(bench.calibrationCost);
        QS_CHECK_OK(m_store.addModel(bench.description));
        if (m_plan.memoryLimit <= 0)
            return runJobs(bench, jobs, m_plan.jobsAtOnce);
        // Jobs that share a calibration need no more memory for being many; each of the others may take all
        // that the limit allows.
        std::vector<SweepJob> sharing = jobs;
        const auto others = std::stable_partition(sharing.begin(), sharing.end(), [&](const SweepJob &job) {
            return !calibratesItself(job.recipe, bench, *m_methods);
        });
        const std::vector<SweepJob> alone(std::make_move_iterator(others),
                                          std::make_move_iterator(sharing.end()));
        sharing.erase(others, sharing.end());
        QS_CHECK_OK(runJobs(bench, sharing, m_plan.jobsAtOnce));
        bench.capture = nullptr;
        return runJobs(bench, alone, 1);
    }

    const CalibrationCost &calibrationCost() const { return m_cost; }

private:
    /// \param atOnce  0 = one a thread
    Status runJobs(const SweepBench &bench, const std::vector<SweepJob> &jobs, int atOnce) {
        if (jobs.empty())
            return {};
        const int threads = m_ctx.maxThreads > 0
                                ? m_ctx.maxThreads
                                : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
        const int wished = atOnce > 0 ? atOnce : std::min(threads, kMostAtOnce);
        const int workers = std::min(wished, static_cast<int>(jobs.size()));
        std::atomic<std::size_t> next{0};
        std::mutex mutex;
        Status status;
        const auto work = [&] {
            for (std::size_t i = next++; i < jobs.size() && !m_ctx.cancelled(); i = next++)
                if (Status one = runOne(bench, jobs[i], std::max(1, threads / workers)); !one) {
                    std::scoped_lock lock(mutex);
                    if (status)
                        status = std::move(one);
                    next = jobs.size(); // the file cannot be written: no other job begins
                }
        };
        {
            std::vector<std::jthread> crew;
            for (int worker = 1; worker < workers; ++worker)
                crew.emplace_back(work);
            work();
        }
        if (status && m_ctx.cancelled())
            return RunContext::cancelledError();
        return status;
    }

    Status runOne(const SweepBench &bench, const SweepJob &job, int threads) {
        JobProgress progress(m_progress, jobText(job));
        const RunContext ctx{m_ctx.stop, &progress, threads};
        QS_TRY(SweepJobResult result, runSweepJob(job, bench, m_plan, m_methods, ctx));
        if (result.record.state == SweepRecord::State::Failed)
            m_findings.add(Severity::Error, result.record.reason, jobText(job),
                           "The same call tries the job again.");
        {
            std::scoped_lock lock(m_costMutex);
            m_cost.add(result.calibrationCost);
        }
        QS_CHECK_OK(m_store.add(std::move(result.record)));
        progress.reach(SweepProgress::kUnits);
        return {};
    }

    const SweepPlan &m_plan;
    SweepStore &m_store;
    std::shared_ptr<const MethodRegistry> m_methods;
    FindingList &m_findings;
    const RunContext &m_ctx;
    SweepProgress m_progress;
    std::mutex m_costMutex;
    CalibrationCost m_cost;
};

std::vector<SweepJob> jobsOf(const std::string &model, const std::vector<SweepJob> &jobs) {
    std::vector<SweepJob> own;
    std::copy_if(jobs.begin(), jobs.end(), std::back_inserter(own),
                 [&](const SweepJob &job) { return job.model == model; });
    return own;
}

/// All files are opened before minutes are spent on the first.
Result<std::vector<SweepBench>> openBenches(const SweepPlan &plan, SweepStore &store, FindingList &findings,
                                            const RunContext &ctx) {
    std::vector<SweepBench> benches;
    for (const ModelFiles &files : plan.models) {
        QS_TRY(SweepBench bench, openBench(files, plan, findings, ctx));
        QS_CHECK_OK(store.addModel(bench.description));
        benches.push_back(std::move(bench));
    }
    return benches;
}

} // namespace

Result<SweepSummary> runSweep(const SweepPlan &plan, const std::filesystem::path &file,
                              const std::shared_ptr<const MethodRegistry> &methods,
                              const SweepObserver &observer, FindingList &findings, const RunContext &ctx) {
    QS_TRY(std::vector<SweepJob> jobs, sweepJobs(plan, *methods));
    const auto planned = static_cast<std::int64_t>(jobs.size());
    QS_TRY(const std::unique_ptr<SweepStore> store, SweepStore::open(file, std::move(jobs), observer));
    QS_TRY(std::vector<SweepBench> benches, openBenches(plan, *store, findings, ctx));
    const std::vector<SweepJob> missing = store->missing(*methods);
    SweepExecution execution(plan, *store, methods, missing.size(), findings, ctx);
    for (SweepBench &bench : benches) {
        const std::vector<SweepJob> own = jobsOf(bench.description.name, missing);
        if (!own.empty())
            QS_CHECK_OK(execution.runModel(bench, own));
        bench = {}; // weights, capture and float outputs of one model at a time
    }
    execution.calibrationCost().tellGroups(file.filename().string(), findings);
    return SweepSummary{store->snapshot(), planned, static_cast<std::int64_t>(missing.size()),
                        execution.calibrationCost()};
}

} // namespace qs
