#include "core/exec/channel_sums.h"

#include "tests/support/lcg.h"

#include <limits>

namespace qs {
namespace {

/// What a view of [blocks, channels, inner] sums up to.
struct Summed {
    std::vector<float> min, max;
    std::vector<double> sum, magnitudes, squares;

    explicit Summed(std::int64_t channels)
        : min(static_cast<std::size_t>(channels), std::numeric_limits<float>::infinity()),
          max(static_cast<std::size_t>(channels), -std::numeric_limits<float>::infinity()),
          sum(static_cast<std::size_t>(channels)), magnitudes(sum), squares(sum) {}
    ChannelSums pointers() { return {min.data(), max.data(), sum.data(), magnitudes.data(), squares.data()}; }
};

Summed plainLoop(const ChannelView &view) {
    Summed summed(view.channels);
    for (std::int64_t block = 0; block < view.blocks; ++block)
        for (std::int64_t channel = 0; channel < view.channels; ++channel)
            for (std::int64_t i = 0; i < view.inner; ++i) {
                const auto c = static_cast<std::size_t>(channel);
                const float x = view.row(block, channel)[i];
                if (!std::isfinite(x))
                    continue;
                summed.min[c] = std::min(summed.min[c], x);
                summed.max[c] = std::max(summed.max[c], x);
                summed.sum[c] += static_cast<double>(x);
                summed.magnitudes[c] += std::fabs(static_cast<double>(x));
                summed.squares[c] += static_cast<double>(x) * static_cast<double>(x);
            }
    return summed;
}

TEST(ChannelSums, EqualAPlainLoopOnAnyNumberOfThreads) {
    for (const auto &[channels, inner] : {std::pair{5, 1}, {19, 1}, {300, 1}, {3, 7}, {40, 21}}) {
        std::vector<float> values =
            test::toFloats(test::lcgNormals(static_cast<std::size_t>(channels * inner * 37), 3));
        const ChannelView view{values.data(), 37, channels, inner};
        for (const bool finite : {true, false}) {
            if (!finite) {
                values[11] = std::numeric_limits<float>::quiet_NaN();
                values[12] = -std::numeric_limits<float>::infinity();
            }
            Summed one(channels), four(channels);
            ASSERT_TRUE(addToChannels(view, one.pointers(), finite, RunContext{{}, nullptr, 1}));
            ASSERT_TRUE(addToChannels(view, four.pointers(), finite, RunContext{{}, nullptr, 4}));
            EXPECT_EQ(one.sum, four.sum);
            EXPECT_EQ(one.squares, four.squares);
            const Summed plain = plainLoop(view);
            EXPECT_EQ(one.min, plain.min);
            EXPECT_EQ(one.max, plain.max);
            EXPECT_THAT(one.sum, testing::Pointwise(testing::DoubleNear(1e-10), plain.sum));
            EXPECT_THAT(one.magnitudes, testing::Pointwise(testing::DoubleNear(1e-9), plain.magnitudes));
            EXPECT_THAT(one.squares, testing::Pointwise(testing::DoubleNear(1e-9), plain.squares));
        }
    }
}

} // namespace
} // namespace qs
