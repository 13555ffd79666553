#include "core/exec/reference/exponential.h"
#include "tests/core/exec/one_operator.h"
#include "tests/support/instruction_sets.h"

#include <cfloat>
#include <cmath>

namespace qs {
namespace {

using testing::ElementsAre;
using Floats = std::vector<float>;
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

/// Twice as many as a vector holds, so that they take the vector form of e^x.
Floats repeated(float value, std::size_t count = 32) {
    return Floats(count, value);
}

template <typename T>
std::vector<T> expOf(std::vector<T> values) {
    const Shape shape{std::ssize(values)};
    return outputOf<T>(OneOperator{"Exp", 13}.run({tensorOf<T>(shape, values)}));
}

TEST(Exp, IsZeroBelowTheSmallestNormalNumber) {
    for (const float x : {-87.34f, -90.0f, -100.0f, -1000.0f, -kInfinity})
        EXPECT_EQ(expOf<float>(repeated(x)), repeated(0)) << x;
    EXPECT_THAT(expOf<double>({-1000, -745, -745, -710, -709, -708}),
                ElementsAre(0, 0, 0, 0, 0, testing::DoubleNear(std::exp(-708.0), 1e-320)));
}

TEST(Exp, KeepsWhatIsNormalAndWhatIsNoNumber) {
    for (const float x : {-87.3f, -20.0f, 0.0f, 20.0f, 88.7f}) {
        const Floats y = expOf<float>(repeated(x));
        for (const float value : y)
            EXPECT_NEAR(value / std::exp(x), 1, 1e-5) << x;
    }
    EXPECT_EQ(expOf<float>(repeated(100)), repeated(kInfinity));
    for (const float value : expOf<float>(repeated(kNaN)))
        EXPECT_TRUE(std::isnan(value));
}

/// Scores of one query, of which every other key is masked.
Floats maskedScores(float mask) {
    Floats scores(64);
    for (std::size_t i = 0; i < scores.size(); ++i)
        scores[i] = i % 2 ? mask : 0.01f * static_cast<float>(i);
    return scores;
}

TEST(Softmax, GivesMaskedKeysNothing) {
    for (const float mask : {-kInfinity, -1e9f, -200.0f, -85.0f}) {
        const Floats p =
            outputOf<float>(OneOperator{"Softmax", 13}.run({tensorOf<float>({1, 64}, maskedScores(mask))}));
        double sum = 0;
        for (std::size_t i = 0; i < p.size(); ++i) {
            sum += p[i];
            EXPECT_TRUE(i % 2 ? p[i] == 0 : p[i] > 0.01f) << mask << ", key " << i << ": " << p[i];
        }
        EXPECT_NEAR(sum, 1, 1e-6);
    }
}

/// Subnormal weights make the products behind them slow.
TEST(Softmax, GivesNoSubnormalWeights) {
    Floats scores(128);
    for (std::size_t i = 0; i < scores.size(); ++i)
        scores[i] = -static_cast<float>(i);
    const Floats p = outputOf<float>(OneOperator{"Softmax", 13}.run({tensorOf<float>({1, 128}, scores)}));
    EXPECT_GT(p[80], 0);
    for (const float value : p)
        EXPECT_TRUE(value == 0 || value >= FLT_MIN) << value;
}

class FloatExponentials : public test::EveryInstructionSet {};
INSTANTIATE_TEST_SUITE_P(Targets, FloatExponentials, testing::ValuesIn(test::instructionSets()),
                         test::instructionSetName);

/// 0, 0.37, -0.74, 1.11, …: no two alike, the largest at either end of the row.
Floats scoresOf(std::size_t count) {
    Floats scores(count);
    for (std::size_t i = 0; i < count; ++i)
        scores[i] = 0.37f * static_cast<float>(i) * (i % 2 ? 1.0f : -1.0f);
    return scores;
}

TEST_P(FloatExponentials, FitTheLibraryAtEveryLength) {
    for (std::size_t count = 1; count <= 70; ++count) {
        Floats found = scoresOf(count);
        exponentials(found.data(), std::ssize(found));
        for (std::size_t i = 0; i < count; ++i)
            EXPECT_NEAR(found[i] / std::exp(static_cast<double>(scoresOf(count)[i])), 1, 3e-7) << i;
    }
}

TEST_P(FloatExponentials, WeightsOfARowFitTheFormulaAtEveryLength) {
    for (std::size_t count = 1; count <= 70; ++count) {
        const Floats scores = scoresOf(count);
        Floats found(count + 1, -7.0f);
        softmaxRow(scores.data(), found.data(), static_cast<std::int64_t>(count));
        double sum = 0;
        for (const float score : scores)
            sum += std::exp(static_cast<double>(score));
        for (std::size_t i = 0; i < count; ++i)
            EXPECT_NEAR(found[i], std::exp(static_cast<double>(scores[i])) / sum, 1e-7) << count << ", " << i;
        EXPECT_EQ(found.back(), -7) << "what follows the row stays";
    }
}

TEST_P(FloatExponentials, ARowWithoutAnAnswerSaysSo) {
    for (const Floats &scores : {Floats(20, kNaN), Floats(20, -kInfinity), Floats(3, kInfinity)}) {
        Floats found(scores.size());
        softmaxRow(scores.data(), found.data(), std::ssize(scores));
        for (const float weight : found)
            EXPECT_TRUE(std::isnan(weight)) << scores.front();
    }
    Floats one = scoresOf(37);
    one[20] = kNaN;
    softmaxRow(one.data(), one.data(), std::ssize(one));
    for (const float weight : one)
        EXPECT_TRUE(std::isnan(weight));
}

} // namespace
} // namespace qs
