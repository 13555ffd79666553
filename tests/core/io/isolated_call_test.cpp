#include "core/io/isolated_call.h"

#include <csignal>
#include <new>
#include <thread>

namespace qs {
namespace {

TEST(RunIsolated, SurvivesWhatKillsTheChild) {
    EXPECT_TRUE(runIsolated([] {}, 5, {}));
    EXPECT_TRUE(runIsolated([] { throw std::bad_alloc(); }, 5, {}));
    EXPECT_EQ(runIsolated([] { std::abort(); }, 5, {}).error().code, ErrorCode::CorruptFile);
    EXPECT_EQ(runIsolated([] { std::raise(SIGSEGV); }, 5, {}).error().code, ErrorCode::CorruptFile);
    const Status hung = runIsolated(
        [] {
            for (volatile unsigned i = 0;;)
                i = i + 1;
        },
        1, {});
    EXPECT_THAT(hung.error().message, testing::HasSubstr("never ends"));
}

TEST(RunIsolated, ChangesNothingHere) {
    int value = 1;
    EXPECT_TRUE(runIsolated([&] { value = 2; }, 5, {}));
    EXPECT_EQ(value, 1);
}

TEST(RunIsolated, CancelKillsTheChild) {
    std::stop_source stop;
    RunContext ctx;
    ctx.stop = stop.get_token();
    std::jthread canceller([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        stop.request_stop();
    });
    const Status status = runIsolated(
        [] {
            for (volatile unsigned i = 0;;)
                i = i + 1;
        },
        60, ctx);
    EXPECT_EQ(status.error().code, ErrorCode::Cancelled);
}

} // namespace
} // namespace qs
