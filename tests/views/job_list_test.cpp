#include "tests/support/wait_until.h"
#include "views/shared/job_list.h"
#include "views/shared/latest_value.h"

#include <atomic>
#include <thread>

namespace qs::views {
namespace {

using Phase = JobState::Phase;

Status workUntilCancelled(const RunContext &ctx) {
    while (!ctx.cancelled())
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return RunContext::cancelledError();
}

TEST(JobList, ResultArrivesOnTheGuiThread) {
    JobList jobs;
    std::thread::id worker, gui;
    jobs.start(
        "a", "A",
        [&](const RunContext &) -> Status {
            worker = std::this_thread::get_id();
            return {};
        },
        [&](const Status &status) {
            EXPECT_TRUE(status.has_value());
            gui = std::this_thread::get_id();
        });
    ASSERT_TRUE(waitUntil([&] { return !jobs.anyRunning(); }));
    EXPECT_EQ(gui, std::this_thread::get_id());
    EXPECT_NE(worker, gui);
    EXPECT_EQ(jobs.jobs().back().phase, Phase::Done);
}

TEST(JobList, FailureAndExceptionAreShownWithTheirText) {
    JobList jobs;
    jobs.start("a", "A",
               [](const RunContext &) -> Status { return fail(ErrorCode::IoError, "disk full", "out.onnx"); },
               {});
    jobs.start("b", "B", [](const RunContext &) -> Status { throw std::bad_alloc(); }, {});
    ASSERT_TRUE(waitUntil([&] { return !jobs.anyRunning(); }));
    EXPECT_EQ(jobs.jobs()[0].phase, Phase::Failed);
    EXPECT_EQ(jobs.jobs()[0].error, "out.onnx: disk full");
    EXPECT_EQ(jobs.jobs()[1].phase, Phase::Failed);
}

TEST(JobList, NewestJobOfATagWins) {
    JobList jobs;
    int oldFinished = 0, newFinished = 0;
    jobs.start("sweep", "old", workUntilCancelled, [&](const Status &) { ++oldFinished; });
    jobs.start(
        "sweep", "new", [](const RunContext &) -> Status { return {}; },
        [&](const Status &) { ++newFinished; });
    ASSERT_TRUE(waitUntil([&] { return !jobs.anyRunning(); }));
    EXPECT_EQ(oldFinished, 0);
    EXPECT_EQ(newFinished, 1);
    EXPECT_EQ(jobs.jobs()[0].phase, Phase::Cancelled);
    EXPECT_EQ(jobs.jobs()[1].phase, Phase::Done);
}

TEST(JobList, CancelStopsOneJobAndTellsIt) {
    JobList jobs;
    bool cancelled = false;
    const int id = jobs.start("a", "A", workUntilCancelled, [&](const Status &status) {
        cancelled = !status && status.error().code == ErrorCode::Cancelled;
    });
    jobs.start("b", "B", workUntilCancelled, {});
    jobs.cancel(id);
    ASSERT_TRUE(waitUntil([&] { return cancelled; }));
    EXPECT_FALSE(jobs.isRunning("a"));
    EXPECT_TRUE(jobs.isRunning("b"));
}

TEST(JobList, CancelAndJoinLeavesNoWorkerAndDropsResults) {
    JobList jobs;
    std::atomic<int> alive = 0;
    int finished = 0;
    for (const char *tag : {"a", "b", "c"}) {
        jobs.start(
            tag, tag,
            [&](const RunContext &ctx) {
                ++alive;
                Status status = workUntilCancelled(ctx);
                --alive;
                return status;
            },
            [&](const Status &) { ++finished; });
    }
    jobs.cancelAndJoin({"a"});
    EXPECT_TRUE(jobs.isRunning("b"));
    jobs.cancelAndJoin();
    EXPECT_EQ(alive, 0);
    QCoreApplication::processEvents();
    EXPECT_EQ(finished, 0);
}

TEST(JobList, DestructorJoinsAndLaterPostsAreDropped) {
    std::atomic<bool> ended = false;
    bool called = false;
    {
        JobList jobs;
        jobs.start(
            "a", "A",
            [&](const RunContext &ctx) {
                Status status = workUntilCancelled(ctx);
                ended = true;
                return status;
            },
            [&](const Status &) { called = true; });
        jobs.post([&] { called = true; });
    }
    EXPECT_TRUE(ended);
    QCoreApplication::processEvents();
    EXPECT_FALSE(called);
}

TEST(JobList, ProgressIsReadAtMostTwentyTimesASecond) {
    JobList jobs;
    int changes = 0;
    std::int64_t seen = 0;
    QObject::connect(&jobs, &JobList::changed, [&] {
        ++changes;
        seen = std::max(seen, jobs.jobs().back().done);
    });
    std::atomic<bool> halfSeen = false;
    jobs.start("a", "A",
               [&](const RunContext &ctx) -> Status {
                   for (int i = 0; i <= 50000; ++i)
                       ctx.step(i, 100000, "counting");
                   while (!halfSeen && !ctx.cancelled())
                       std::this_thread::sleep_for(std::chrono::milliseconds(1));
                   return {};
               },
               {});
    ASSERT_TRUE(waitUntil([&] { return seen == 50000; }));
    EXPECT_EQ(jobs.jobs().back().stage, "counting");
    EXPECT_EQ(jobs.jobs().back().total, 100000);
    // One change for the start, the others from the timer.
    EXPECT_LE(changes, 2 + static_cast<int>(jobs.jobs().back().elapsedSeconds * 20) + 1);
    halfSeen = true;
    ASSERT_TRUE(waitUntil([&] { return !jobs.anyRunning(); }));
}

TEST(JobList, OnlyTheLastFinishedJobsAreKept) {
    JobList jobs;
    for (int i = 0; i < 30; ++i)
        jobs.start(QString::number(i), QString::number(i), [](const RunContext &) -> Status { return {}; },
                   {});
    ASSERT_TRUE(waitUntil([&] { return !jobs.anyRunning(); }));
    EXPECT_EQ(jobs.jobs().size(), 20U);
    EXPECT_EQ(jobs.jobs().back().title, "29");
}

TEST(LatestValue, DeliversTheNewestAndNothingAfterCancel) {
    JobList jobs;
    std::vector<int> seen;
    auto latest = std::make_shared<LatestValue<int>>(jobs, [&](int value) { seen.push_back(value); });
    const int id = jobs.start("a", "A",
                              [latest](const RunContext &ctx) -> Status {
                                  for (int i = 0; i <= 1000; ++i)
                                      latest->put(i, ctx.stop);
                                  return workUntilCancelled(ctx);
                              },
                              {});
    ASSERT_TRUE(waitUntil([&] { return !seen.empty() && seen.back() == 1000; }));
    EXPECT_LT(seen.size(), 100U);
    jobs.cancel(id);
    ASSERT_TRUE(waitUntil([&] { return !jobs.anyRunning(); }));
    const std::size_t before = seen.size();
    std::stop_source stopped;
    stopped.request_stop();
    latest->put(2000, stopped.get_token());
    waitUntil([] { return false; }, 120);
    EXPECT_EQ(seen.size(), before);
}

} // namespace
} // namespace qs::views
