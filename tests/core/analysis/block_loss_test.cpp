#include "core/analysis/block_loss.h"

#include "tests/support/lcg.h"

#include <cmath>
#include <gtest/gtest.h>

namespace qs {
namespace {

constexpr std::int64_t kRows = 3, kClasses = 5;

Tensor logits(std::uint32_t seed) {
    return Tensor::fromValues<float>({kRows, kClasses},
                                     test::toFloats(test::lcgNormals(kRows * kClasses, seed)));
}

Tensor softmaxOf(const Tensor &values) {
    Tensor result = Tensor::allocate(DType::Float32, values.shape());
    for (std::size_t row = 0; row < kRows; ++row) {
        const auto from = values.values<float>().subspan(row * kClasses, kClasses);
        double sum = 0;
        for (const float value : from)
            sum += std::exp(static_cast<double>(value));
        for (std::size_t c = 0; c < kClasses; ++c)
            result.mutableValues<float>()[row * kClasses + c] =
                static_cast<float>(std::exp(static_cast<double>(from[c])) / sum);
    }
    return result;
}

/// Whether a network ends in Softmax or leaves it to its user changes neither the loss nor what reaches the
/// layer before.
TEST(OutputKlSeed, OfProbabilitiesIsThatOfTheirLogits) {
    const Tensor value = logits(3), target = logits(5);
    const LossSeed expected = outputKlSeed(value, target, {});
    const Tensor q = softmaxOf(value);
    const LossSeed found = outputKlSeed(q, softmaxOf(target), {});
    EXPECT_NEAR(found.loss, expected.loss, 1e-6);
    EXPECT_GT(expected.loss, 0.1);
    for (std::size_t row = 0; row < kRows; ++row) {
        const auto probability = q.values<float>().subspan(row * kClasses, kClasses),
                   seed = found.seed.values<float>().subspan(row * kClasses, kClasses),
                   wanted = expected.seed.values<float>().subspan(row * kClasses, kClasses);
        double mean = 0; // through Softmax: q · (seed - Σ q · seed)
        for (std::size_t c = 0; c < kClasses; ++c)
            mean += static_cast<double>(probability[c]) * seed[c];
        for (std::size_t c = 0; c < kClasses; ++c)
            EXPECT_NEAR(probability[c] * (seed[c] - mean), wanted[c], 1e-6);
    }
}

} // namespace
} // namespace qs
