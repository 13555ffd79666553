#include "plugins/rounding/gptq_solver.h"
#include "tests/support/rounding_fixture.h"

#include <Eigen/LU>
#include <fstream>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <numeric>

namespace qs::test {
namespace {

TEST(HessianFactor, FixtureAGivesTheInverseFactorOfTheOracle) {
    const HessianFixture layer = fixtureA();
    const auto factor = factorHessian(viewOf(layer.hessianMatrix), {false, 0.01}, SolverServices{});
    ASSERT_TRUE(factor);
    // GPTQ's U is the inverse of R = feedback · diagonal.
    RowMajorD upper = factor->feedback.cast<double>() * factor->diagonal.asDiagonal();
    const RowMajorD inverse = upper.inverse();
    RowMajorD expected(4, 4);
    expected << 3.853198, -0.471684, -0.533177, -0.866339, 0, 2.673529, 0.342686, -0.644162, 0, 0, 1.482125,
        0.06713, 0, 0, 0, 0.232554;
    EXPECT_LT((inverse - expected).cwiseAbs().maxCoeff(), 2e-6);
}

TEST(HessianFactor, RebuildsTheDampedHessianOfManyTiles) {
    const RowMajorD inputs = normalMatrix(900, 700, 2);
    const RowMajorD hessian = 2.0 / 900 * inputs.transpose() * inputs;
    for (bool actOrder : {false, true}) {
        const auto factor = factorHessian(viewOf(hessian), {actOrder, 0.01}, SolverServices{});
        ASSERT_TRUE(factor);
        const RowMajorD upper = factor->feedback.cast<double>() * factor->diagonal.asDiagonal();
        const RowMajorD product = upper * upper.transpose();
        double worst = 0;
        for (Eigen::Index i = 0; i < 700; ++i)
            for (Eigen::Index j = 0; j < 700; ++j) {
                const auto row = factor->order[static_cast<std::size_t>(i)];
                const auto col = factor->order[static_cast<std::size_t>(j)];
                const double expected = hessian(row, col) + (i == j ? factor->addedToDiagonal : 0.0);
                worst = std::max(worst, std::abs(product(i, j) - expected));
            }
        EXPECT_LT(worst, 1e-5); // feedback is stored in float
        EXPECT_NEAR(factor->addedToDiagonal, 0.01 * hessian.diagonal().mean(), 1e-12);
    }
}

TEST(HessianFactor, ActOrderIsStableAndDescending) {
    RowMajorD hessian = RowMajorD::Zero(5, 5);
    hessian.diagonal() << 2, 7, 2, 9, 7;
    const auto factor = factorHessian(viewOf(hessian), {true, 0.01}, SolverServices{});
    ASSERT_TRUE(factor);
    EXPECT_THAT(factor->order, testing::ElementsAre(3, 1, 4, 0, 2));
}

/// Σ e² of the columns is the error under the damped Hessian, row by row: methods A2, invariant i.
TEST(GptqSolver, SquaredColumnErrorsAreTheDampedError) {
    const HessianFixture layer = fixtureB();
    const RowMajorF &weights = layer.weights;
    for (GridSharing grid : {GridSharing::PerRow, GridSharing::PerGroup}) {
        GptqOptions options;
        options.grid = grid;
        options.groupSize = 16;
        options.range = codeRange(3, GridConvention::Asymmetric);
        options.blockSize = 7;
        std::vector<std::int16_t> codes(16 * 48);
        std::vector<float> scales(16 * 3);
        std::vector<std::int32_t> zeros(16 * 3), groups(48);
        const auto report = solveGptq({weights.data(), 16, 48}, viewOf(layer.hessianMatrix), options,
                                      minMaxServices(3), {codes, scales, zeros, groups});
        ASSERT_TRUE(report);
        const std::size_t groupsPerRow = grid == GridSharing::PerGroup ? 3 : 1;
        RowMajorD damped = layer.hessianMatrix;
        damped.diagonal().array() += 0.01 * damped.diagonal().mean();
        for (std::size_t row = 0; row < 16; ++row) {
            Eigen::RowVectorXd error(48);
            for (std::size_t col = 0; col < 48; ++col) {
                const std::size_t slice = row * groupsPerRow + (groupsPerRow == 3 ? col / 16 : 0);
                const float value = dequantizeValue(codes[row * 48 + col], {scales[slice], zeros[slice]});
                error[static_cast<Eigen::Index>(col)] =
                    static_cast<double>(
                        weights(static_cast<Eigen::Index>(row), static_cast<Eigen::Index>(col))) -
                    value;
            }
            const double expected = error * damped * error.transpose();
            EXPECT_NEAR(report->rowError[row], expected, 1e-5 * expected);
        }
    }
}

GptqReport solvePerRow(const HessianFixture &layer, int bits) {
    GptqOptions options;
    options.range = codeRange(bits, GridConvention::Asymmetric);
    const auto rows = static_cast<std::size_t>(layer.weights.rows());
    const auto cols = static_cast<std::size_t>(layer.weights.cols());
    std::vector<std::int16_t> codes(rows * cols);
    std::vector<float> scales(rows);
    std::vector<std::int32_t> zeros(rows), groups(cols);
    const auto report =
        solveGptq({layer.weights.data(), layer.weights.rows(), layer.weights.cols()},
                  viewOf(layer.hessianMatrix), options, minMaxServices(bits), {codes, scales, zeros, groups});
    EXPECT_TRUE(report);
    return *report;
}

TEST(GptqSolver, FixtureADampedErrorsAreThoseOfTheOracle) {
    const GptqReport report = solvePerRow(fixtureA(), 2);
    EXPECT_NEAR(report.rowError[0], 0.263588, 2e-6);
    EXPECT_NEAR(report.rowError[1], 0.236505, 2e-6);
}

TEST(GptqSolver, ClosedFormFactorAndErrorAgree) {
    const auto golden =
        nlohmann::json::parse(std::ifstream(std::string(QS_TEST_DATA) + "/gptq/closed_form.json"));
    const HessianFixture layer = closedFormFixture();
    const auto factor = factorHessian(viewOf(layer.hessianMatrix), {false, 0.01}, SolverServices{});
    ASSERT_TRUE(factor);
    for (int j = 0; j < 16; ++j)
        EXPECT_NEAR(1.0 / factor->diagonal[j], golden["inverse_factor_diagonal"][j].get<double>(), 1e-9);
    const GptqReport report = solvePerRow(layer, 3);
    const double loss = std::accumulate(report.rowError.begin(), report.rowError.end(), 0.0);
    EXPECT_NEAR(loss / 2, golden["half_loss"].get<double>(), golden["tolerance"].get<double>());
}

} // namespace
} // namespace qs::test
