#include "core/base/deadline.h"

namespace qs {
namespace {

using namespace std::chrono_literals;

TEST(Deadline, RequestsAStopWhenTheTimeHasPassed) {
    const auto start = std::chrono::steady_clock::now();
    const Deadline deadline(20ms);
    while (!deadline.token().stop_requested() && std::chrono::steady_clock::now() - start < 60s)
        std::this_thread::sleep_for(1ms);
    EXPECT_TRUE(deadline.token().stop_requested());
    EXPECT_GE(std::chrono::steady_clock::now() - start, 20ms);
}

TEST(Deadline, EndsEarlyWithoutRequestingAStop) {
    const auto start = std::chrono::steady_clock::now();
    std::stop_token token;
    {
        const Deadline deadline(1h);
        token = deadline.token();
    }
    EXPECT_FALSE(token.stop_requested());
    EXPECT_LT(std::chrono::steady_clock::now() - start, 60s);
}

} // namespace
} // namespace qs
