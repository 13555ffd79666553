#include "plugins/branch/low_rank_branch.h"

#include "core/tensor/convert.h"
#include "plugins/branch/branch_objective.h"
#include "tests/support/solver_fixture.h"

#include <Eigen/SVD>
#include <gmock/gmock.h>

namespace qs::test {
namespace {

/// Restricted symmetric rounding (S2) in groups along the inputs; groupSize 0 = rows.
RowMajorD roundSymmetric(const RowMajorD &values, int bits, Eigen::Index groupSize) {
    const double highest = (1 << (bits - 1)) - 1;
    const Eigen::Index size = groupSize > 0 ? groupSize : values.cols();
    RowMajorD rounded(values.rows(), values.cols());
    for (Eigen::Index i = 0; i < values.rows(); ++i)
        for (Eigen::Index j = 0; j < values.cols(); j += size) {
            const double largest = values.row(i).segment(j, size).cwiseAbs().maxCoeff();
            const double scale = largest > 0 ? largest / highest : 1.0;
            for (Eigen::Index k = j; k < j + size; ++k)
                rounded(i, k) =
                    std::clamp(std::nearbyint(values(i, k) / scale), -highest - 1, highest) * scale;
        }
    return rounded;
}

/// Symmetric rounding of each token.
RowMajorF roundTokens(const RowMajorD &inputs, int bits) {
    return roundSymmetric(inputs, bits, 0).cast<float>();
}

struct Problem {
    RowMajorF weights;
    int bits = 3;
    Eigen::Index groupSize = 16;
    mutable int quantized = 0;
    mutable int kept = 0; ///< which of them was kept last

    BranchProblem problem(Eigen::Index rank) const {
        BranchProblem result;
        result.weights = viewOf(weights);
        result.quantize = [this](const RowMajorMatrix &values, RowMajorMatrix &dequantized) -> Status {
            dequantized = roundSymmetric(values, bits, groupSize);
            ++quantized;
            return {};
        };
        result.keep = [this] { kept = quantized; };
        result.rank = rank;
        result.float16 = false;
        return result;
    }
};

/// The matrix of methods A's third oracle: a heavy column and a heavy row.
RowMajorD unevenWeights() {
    RowMajorD weights = normalMatrix(32, 64, 41);
    weights.col(10) *= 15;
    weights.row(4) *= 6;
    return weights;
}

RowMajorD unevenInputs() {
    RowMajorD inputs = normalMatrix(256, 64, 21);
    inputs.col(7) *= 40;
    return inputs;
}

BranchFit fitError(const BranchProblem &problem, const Eigen::VectorXd &columnWeights = {}) {
    auto fit = fitErrorBranch(problem, columnWeights, {});
    EXPECT_TRUE(fit);
    return fit ? *fit : BranchFit{};
}

BranchFit alternate(const Problem &problem, Eigen::Index rank, int iterations) {
    auto fit =
        alternateBranch(problem.problem(rank), iterations, weightObjective(viewOf(problem.weights), {}), {});
    EXPECT_TRUE(fit);
    return fit ? *fit : BranchFit{};
}

TEST(ErrorBranch, FixtureALeavesTheSecondSingularValue) {
    const RowMajorD weights = fixtureA().exact;
    const Problem problem{weights.cast<float>(), 3, 0};
    const RowMajorD error = weights - roundSymmetric(weights, 3, 0);
    const Eigen::JacobiSVD<Eigen::MatrixXd> svd(error);
    EXPECT_NEAR(svd.singularValues()[0], 0.23983, 1e-5);
    EXPECT_NEAR(svd.singularValues()[1], 0.14037, 1e-5);
    const BranchFit fit = fitError(problem.problem(1));
    EXPECT_NEAR((error - fit.up * fit.down).norm(), 0.14037, 1e-5);
    EXPECT_EQ(problem.kept, 1);
}

TEST(ErrorBranch, ActivationWeightsGiveTheOutputErrorsOfTheOracle) {
    const RowMajorD weights = unevenWeights();
    const RowMajorD inputs = unevenInputs();
    const Problem problem{weights.cast<float>()};
    const RowMajorD error = weights - roundSymmetric(weights, 3, 16);
    const RowMajorF means = inputs.cwiseAbs().colwise().mean().cast<float>();
    const Eigen::VectorXd scale = activationWeights(valuesOf(means));
    const double output = (inputs * weights.transpose()).norm();
    const auto lost = [&](Eigen::Index rank, bool weighted) {
        const BranchFit fit = fitError(problem.problem(rank), weighted ? scale : Eigen::VectorXd());
        return (inputs * (error - fit.up * fit.down).transpose()).norm() / output;
    };
    EXPECT_NEAR(lost(0, false) / 0.801357, 1, 1e-3);
    EXPECT_NEAR(lost(4, false) / 0.341947, 1, 1e-3);
    EXPECT_NEAR(lost(4, true) / 0.047097, 1, 1e-3);
    EXPECT_NEAR(lost(8, false) / 0.230576, 1, 1e-3);
    EXPECT_NEAR(lost(8, true) / 0.033694, 1, 1e-3);
    EXPECT_LT(lost(32, true), 1e-6);
}

TEST(ErrorBranch, WeightedFitIsTheBestInItsNorm) {
    const RowMajorD weights = unevenWeights();
    const Problem problem{weights.cast<float>()};
    const RowMajorD error = weights - roundSymmetric(weights, 3, 16);
    const RowMajorF means = unevenInputs().cwiseAbs().colwise().mean().cast<float>();
    const Eigen::VectorXd scale = activationWeights(valuesOf(means));
    const BranchFit plain = fitError(problem.problem(4));
    const BranchFit weighted = fitError(problem.problem(4), scale);
    EXPECT_LT(((error - weighted.up * weighted.down) * scale.asDiagonal()).norm(),
              ((error - plain.up * plain.down) * scale.asDiagonal()).norm());
    const BranchFit same = fitError(problem.problem(4), Eigen::VectorXd::Constant(64, 3.0));
    EXPECT_LT((same.up * same.down - plain.up * plain.down).norm(), 1e-9);
}

TEST(ActivationWeights, MeetAroundOne) {
    const std::vector<float> means = {0.0f, 0.5f, 2.0f};
    const Eigen::VectorXd weights = activationWeights(means);
    EXPECT_NEAR(weights[0] * weights[2], 1.0, 1e-6);
    EXPECT_NEAR(weights[1] / weights[2], 0.25, 1e-6);
    EXPECT_NEAR(weights[0] / weights[2], 1e-4 / 2, 1e-9);
}

TEST(AlternateBranch, FixtureAGivesTheErrorOfTheOracle) {
    const RowMajorD weights = fixtureA().exact;
    const Problem problem{weights.cast<float>(), 3, 0};
    EXPECT_NEAR((weights - roundSymmetric(weights, 3, 0)).norm(), 0.277889, 1e-6);
    EXPECT_NEAR(alternate(problem, 1, 1).objective[0], 0.146123, 1e-6);
}

TEST(AlternateBranch, ErrorsOfEveryRoundAreThoseOfTheOracle) {
    const RowMajorD weights = unevenWeights();
    const Problem problem{weights.cast<float>()};
    EXPECT_NEAR((weights - roundSymmetric(weights, 3, 16)).norm(), 23.5317, 1e-3);
    const BranchFit fit = alternate(problem, 4, 6);
    const std::vector<double> expected = {7.66927, 7.06135, 6.7644, 6.58691, 6.48683, 6.40919};
    ASSERT_EQ(fit.objective.size(), 6u);
    for (std::size_t i = 0; i < 6; ++i)
        EXPECT_NEAR(fit.objective[i] / expected[i], 1, 1e-4) << i;
    EXPECT_EQ(problem.kept, 6);
}

TEST(AlternateBranch, KeepsTheBestRoundAndStopsAfterIt) {
    const Problem problem{normalMatrix(12, 32, 3).cast<float>(), 2};
    const BranchFit fit = alternate(problem, 3, 100);
    ASSERT_LT(fit.objective.size(), 100u) << "the case does not try what it should";
    EXPECT_EQ(fit.best + 2, fit.objective.size());
    EXPECT_GE(fit.objective.back(), fit.objective[fit.best]);
    EXPECT_EQ(problem.kept, static_cast<int>(fit.best) + 1);
    const RowMajorD branch = fit.up * fit.down;
    const RowMajorD weights = problem.weights.cast<double>();
    EXPECT_NEAR((weights - branch - roundSymmetric(weights - branch, 2, 16)).norm(), fit.objective[fit.best],
                1e-9);
}

TEST(AlternateBranch, ResidualFallsWithTheRank) {
    const RowMajorD weights = unevenWeights();
    const Problem problem{weights.cast<float>()};
    const Eigen::BDCSVD<Eigen::MatrixXd> svd(weights);
    double before = std::numeric_limits<double>::infinity();
    for (Eigen::Index rank : {0, 1, 2, 4, 8, 16, 32}) {
        const BranchFit fit = alternate(problem, rank, 1);
        const double residual = (weights - fit.up * fit.down).norm();
        EXPECT_NEAR(residual, svd.singularValues().tail(32 - rank).norm(), 1e-5);
        EXPECT_LT(residual, before);
        before = residual;
    }
    EXPECT_NEAR(alternate(problem, 0, 1).objective[0], (weights - roundSymmetric(weights, 3, 16)).norm(),
                1e-4);
    EXPECT_LT(alternate(problem, 32, 1).objective[0], 1e-4);
}

TEST(OutputObjective, GivesTheErrorsOfTheOracle) {
    const RowMajorD weights = unevenWeights();
    const RowMajorD inputs = unevenInputs();
    const RowMajorF x = inputs.cast<float>();
    const RowMajorF xq = roundTokens(inputs, 4);
    const double output = (inputs * weights.transpose()).norm();
    const Problem problem{weights.cast<float>(), 4};
    const auto objective = outputObjective(viewOf(problem.weights), viewOf(x), viewOf(xq), {});
    for (const auto &[rank, expected] : std::vector<std::pair<Eigen::Index, double>>{
             {0, 0.53709}, {4, 0.11944}, {8, 0.09347}, {16, 0.06201}}) {
        auto fit = alternateBranch(problem.problem(rank), 1, objective, {});
        ASSERT_TRUE(fit);
        EXPECT_NEAR(fit->objective[0] / output / expected, 1, 1e-3) << rank;
    }
}

TEST(OutputObjective, MoreRoundsAreNeverWorse) {
    const RowMajorD inputs = unevenInputs();
    const RowMajorF x = inputs.cast<float>();
    const RowMajorF xq = roundTokens(inputs, 4);
    const Problem problem{unevenWeights().cast<float>(), 4};
    const auto objective = outputObjective(viewOf(problem.weights), viewOf(x), viewOf(xq), {});
    auto fit = alternateBranch(problem.problem(8), 100, objective, {});
    ASSERT_TRUE(fit);
    EXPECT_LE(fit->objective[fit->best], fit->objective[0]);
    EXPECT_EQ(fit->objective[fit->best], *std::min_element(fit->objective.begin(), fit->objective.end()));
}

TEST(HessianObjective, IsTheOutputErrorOfExactInputs) {
    const HessianFixture layer = fixtureB();
    const RowMajorD mix = RowMajorD::Identity(48, 48) + 0.3 * normalMatrix(48, 48, 13);
    const RowMajorF inputs = (normalMatrix(256, 48, 11) * mix).cast<float>();
    const RowMajorMatrix branch = 0.1 * normalMatrix(16, 48, 2);
    const RowMajorMatrix codes = roundSymmetric(layer.exact, 4, 0);
    const auto hessian = hessianObjective(viewOf(layer.weights), viewOf(layer.hessianMatrix), {});
    const auto output = outputObjective(viewOf(layer.weights), viewOf(inputs), viewOf(inputs), {});
    const double norm = *output(branch, codes);
    EXPECT_NEAR(*hessian(branch, codes) / (2.0 / 256 * norm * norm), 1, 1e-5);
}

TEST(Branches, FactorsAreStorableAsFloat16) {
    const RowMajorD weights = unevenWeights() * 1e-3;
    const Problem problem{weights.cast<float>()};
    BranchProblem stored = problem.problem(4);
    stored.float16 = true;
    const BranchFit fit = fitError(stored);
    for (const RowMajorMatrix &factor : {fit.up, fit.down})
        for (double value : factor.reshaped())
            EXPECT_EQ(float16ToFloat(floatToFloat16(static_cast<float>(value))), value);
    const BranchFit exact = fitError(problem.problem(4));
    EXPECT_LT((fit.up * fit.down - exact.up * exact.down).norm(), 2e-3 * (exact.up * exact.down).norm());
}

TEST(Branches, FactorsBeyondFloat16AreRefused) {
    const RowMajorD weights = unevenWeights() * 1e12;
    const Problem problem{weights.cast<float>()};
    BranchProblem stored = problem.problem(4);
    stored.float16 = true;
    const auto fit = fitErrorBranch(stored, {}, {});
    ASSERT_FALSE(fit);
    EXPECT_THAT(fit.error().message, testing::HasSubstr("too large for float16"));
}

TEST(Branches, ErrorsOfTheQuantizerArePassedOn) {
    const Problem problem{unevenWeights().cast<float>()};
    BranchProblem failing = problem.problem(2);
    failing.quantize = [](const RowMajorMatrix &, RowMajorMatrix &) -> Status {
        return fail(ErrorCode::Unsupported, "no");
    };
    EXPECT_FALSE(fitErrorBranch(failing, {}, {}));
    EXPECT_FALSE(alternateBranch(failing, 3, weightObjective(viewOf(problem.weights), {}), {}));
}

} // namespace
} // namespace qs::test
