#include "tests/core/exec/one_operator.h"

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

} // namespace
} // namespace qs
