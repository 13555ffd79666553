#include "core/base/parallel.h"

#include <atomic>

namespace qs {
namespace {

TEST(ParallelFor, CoversEveryIndexOnce) {
    for (const std::int64_t count : {0, 1, 7, 64, 1001}) {
        std::vector<std::atomic<int>> seen(static_cast<std::size_t>(count));
        ASSERT_TRUE(parallelFor(count, 16, {}, [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t i = begin; i < end; ++i)
                ++seen[static_cast<std::size_t>(i)];
        }));
        for (const auto &times : seen)
            EXPECT_EQ(times, 1);
    }
}

/// A block may hold a lock, or keep state of its thread, while it runs a loop of its own. Without isolation
/// this breaks on three cores and more.
TEST(ParallelFor, AThreadEndsItsBlockBeforeItBeginsAnother) {
    thread_local bool inside = false;
    std::atomic<int> nested = 0, sum = 0;
    ASSERT_TRUE(parallelFor(200, 1, {}, [&](std::int64_t, std::int64_t) {
        nested += inside;
        inside = true;
        EXPECT_TRUE(parallelFor(64, 1, {}, [&](std::int64_t begin, std::int64_t) {
            volatile double work = 0;
            for (int i = 0; i < 2000; ++i)
                work = work + static_cast<double>(begin);
            ++sum;
        }));
        inside = false;
    }));
    EXPECT_EQ(nested, 0);
    EXPECT_EQ(sum, 200 * 64);
}

TEST(ParallelFor, DoesNotWalkTheRestWhenCancelled) {
    std::stop_source stop;
    stop.request_stop();
    RunContext ctx;
    ctx.stop = stop.get_token();
    ctx.maxThreads = 1;
    const auto status = parallelFor(std::int64_t{1} << 60, 1, ctx, [](std::int64_t, std::int64_t) {});
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::Cancelled);
}

TEST(ParallelFor, StopsWhenCancelled) {
    std::stop_source source;
    RunContext ctx;
    ctx.stop = source.get_token();
    ctx.maxThreads = 1;
    int blocks = 0;
    const Status status = parallelFor(100, 1, ctx, [&](std::int64_t, std::int64_t) {
        if (++blocks == 3)
            source.request_stop();
    });
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::Cancelled);
    EXPECT_EQ(blocks, 3);
}

} // namespace
} // namespace qs
