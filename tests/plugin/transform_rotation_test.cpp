#include "plugins/transform/rotation_matrix.h"
#include "tests/plugin/transform_site.h"

#include <Eigen/LU>
#include <gtest/gtest.h>

namespace qs::test {
namespace {

/// SplitMix64, as the host has it.
RandomBits randomBits(std::uint64_t seed) {
    return [seed](std::uint64_t index) {
        std::uint64_t z = seed + (index + 1) * 0x9E3779B97F4A7C15u;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        return z ^ (z >> 31);
    };
}

constexpr auto kNeverCancelled = [] { return false; };

double orthogonalityError(const SquareMatrix &matrix) {
    return (matrix * matrix.transpose() - SquareMatrix::Identity(matrix.rows(), matrix.rows()))
        .cwiseAbs()
        .maxCoeff();
}

double kurtosis(const RowMajorD &values) {
    const Eigen::ArrayXXd centred = values.array() - values.mean();
    return centred.pow(4).mean() / std::pow(centred.square().mean(), 2);
}

/// max |W| sqrt(m d) / ||W||.
double incoherence(const RowMajorD &weights) {
    return weights.cwiseAbs().maxCoeff() * std::sqrt(static_cast<double>(weights.size())) / weights.norm();
}

/// ±1 by the generator of the oracle.
Eigen::VectorXd oracleSigns(Eigen::Index count, std::uint32_t seed) {
    Eigen::VectorXd signs(count);
    for (double &sign : signs) {
        seed = 1664525u * seed + 1013904223u;
        sign = seed / 4294967296.0 < 0.5 ? -1 : 1;
    }
    return signs;
}

SquareMatrix oracleRotation(Eigen::Index size, std::uint32_t seed) {
    return oracleSigns(size, seed).asDiagonal() * hadamardMatrix(size) / std::sqrt(static_cast<double>(size));
}

/// Symmetric grid for every row.
RowMajorD roundRows(const RowMajorD &values, int bits) {
    RowMajorD rounded = values;
    const double highest = (1 << (bits - 1)) - 1;
    for (Eigen::Index row = 0; row < values.rows(); ++row) {
        const double step = values.row(row).cwiseAbs().maxCoeff() / highest;
        rounded.row(row) =
            values.row(row).unaryExpr([&](double value) { return step * std::nearbyint(value / step); });
    }
    return rounded;
}

TEST(HadamardTransform, SmallVectorsGiveTheNumbersOfTheOracle) {
    Eigen::VectorXd x(4);
    x << 1, 2, 3, 4;
    hadamardTransform(x);
    EXPECT_LT((x - Eigen::Vector4d(5, -1, -2, 0)).norm(), 1e-12);
    x << 8, 0, 0, 0;
    hadamardTransform(x);
    EXPECT_LT((x - Eigen::Vector4d(4, 4, 4, 4)).norm(), 1e-12);
}

TEST(HadamardTransform, EqualsTheProductWithTheMatrix) {
    for (Eigen::Index order : {1, 2, 8, 64}) {
        Eigen::VectorXd x = normalMatrix(order, 1, 9);
        const Eigen::VectorXd product = hadamardMatrix(order) * x / std::sqrt(static_cast<double>(order));
        hadamardTransform(x);
        EXPECT_LT((x - product).norm(), 1e-12) << order;
    }
}

TEST(HadamardMatrix, EveryOrderHasSignsAndOrthogonalRows) {
    // 12, 20, 28, 36, 60, 76, 108, 140, 148 by Paley; the rest by doubling.
    for (std::int64_t order : {1, 2, 4, 12, 16, 20, 24, 28, 36, 40, 56, 60, 76, 96, 108, 140, 148, 160}) {
        ASSERT_TRUE(hasHadamard(order)) << order;
        const SquareMatrix matrix = hadamardMatrix(order);
        ASSERT_EQ(matrix.rows(), order);
        EXPECT_TRUE((matrix.cwiseAbs().array() == 1).all()) << order;
        EXPECT_EQ(
            (matrix * matrix.transpose() - static_cast<double>(order) * SquareMatrix::Identity(order, order))
                .cwiseAbs()
                .maxCoeff(),
            0)
            << order;
    }
}

TEST(HadamardMatrix, OrdersWithoutAConstructionAreKnown) {
    for (std::int64_t order : {0, 3, 6, 10, 92, 172})
        EXPECT_FALSE(hasHadamard(order)) << order;
    EXPECT_EQ(hadamardBlock(64), 64);
    EXPECT_EQ(hadamardBlock(14336), 14336); // 2^9 · 28
    EXPECT_EQ(hadamardBlock(11008), 256);   // 2^8 · 43: order 172 is none of Paley's
    EXPECT_EQ(hadamardBlock(7), 1);
}

TEST(RandomizedHadamard, IsOrthogonalForEveryWidth) {
    for (std::int64_t channels : {1, 4, 48, 56, 60, 7, 172}) {
        const auto matrix = randomizedHadamard(channels, 0, randomBits(3));
        ASSERT_TRUE(matrix);
        EXPECT_LT(orthogonalityError(*matrix), 1e-12) << channels;
    }
    const auto blocks = randomizedHadamard(48, 16, randomBits(3));
    ASSERT_TRUE(blocks);
    EXPECT_LT(orthogonalityError(*blocks), 1e-12);
    EXPECT_EQ(blocks->block(0, 16, 16, 32).cwiseAbs().maxCoeff(), 0);
    EXPECT_FALSE(randomizedHadamard(48, 5, randomBits(3)));
    EXPECT_FALSE(randomizedHadamard(48, 6, randomBits(3)));
}

TEST(RandomizedHadamard, SeedsDecideTheSigns) {
    const SquareMatrix first = *randomizedHadamard(64, 0, randomBits(1));
    EXPECT_EQ(first, *randomizedHadamard(64, 0, randomBits(1)));
    EXPECT_NE(first, *randomizedHadamard(64, 0, randomBits(2)));
}

TEST(RandomOrthogonal, IsOrthogonalAndSeeded) {
    const SquareMatrix matrix = *randomOrthogonal(45, randomBits(1), kNeverCancelled);
    EXPECT_LT(orthogonalityError(matrix), 1e-12);
    EXPECT_EQ(matrix, *randomOrthogonal(45, randomBits(1), kNeverCancelled));
    EXPECT_NE(matrix, *randomOrthogonal(45, randomBits(2), kNeverCancelled));
    const auto cancelled = randomOrthogonal(45, randomBits(1), [] { return true; });
    ASSERT_FALSE(cancelled);
    EXPECT_EQ(cancelled.error().code, ErrorCode::Cancelled);
}

TEST(RandomOrthogonal, EntriesAreDistributedAsOnTheSphere) {
    // Over many 3 x 3 matrices every entry has mean 0 and mean square 1/3, and both determinants occur.
    SquareMatrix mean = SquareMatrix::Zero(3, 3), meanSquare = SquareMatrix::Zero(3, 3);
    int reflections = 0;
    constexpr int kCount = 4000;
    for (int seed = 0; seed < kCount; ++seed) {
        const SquareMatrix matrix =
            *randomOrthogonal(3, randomBits(static_cast<std::uint64_t>(seed) * 977 + 5), kNeverCancelled);
        mean += matrix / kCount;
        meanSquare += matrix.cwiseAbs2() / kCount;
        reflections += Eigen::Matrix3d(matrix).determinant() < 0 ? 1 : 0;
    }
    EXPECT_LT(mean.cwiseAbs().maxCoeff(), 0.04);
    EXPECT_LT((meanSquare.array() - 1.0 / 3).abs().maxCoeff(), 0.025);
    EXPECT_NEAR(reflections, kCount / 2, 150);
}

TEST(RandomizedHadamard, OutliersSpreadAsInTheOracle) {
    RowMajorD inputs = normalMatrix(256, 64, 21);
    inputs.col(7) *= 40;
    const RowMajorD weights = normalMatrix(32, 64, 22);
    const SquareMatrix rotation = oracleRotation(64, 23);
    const RowMajorD exact = inputs * weights.transpose();
    auto relativeError = [&](const RowMajorD &x, const RowMajorD &w) {
        return (roundRows(x, 4) * roundRows(w, 4).transpose() - exact).norm() / exact.norm();
    };
    const RowMajorD rotated = inputs * rotation, adapted = weights * rotation;
    EXPECT_LT((rotated * adapted.transpose() - exact).cwiseAbs().maxCoeff(), 1e-10);
    EXPECT_NEAR(adapted.norm(), weights.norm(), 1e-9);
    EXPECT_NEAR(kurtosis(inputs), 198.843, 1e-2);
    EXPECT_NEAR(kurtosis(rotated), 3.32797, 1e-4);
    EXPECT_NEAR(relativeError(inputs, weights), 0.22276, 1e-5);
    EXPECT_NEAR(relativeError(rotated, adapted), 0.143153, 1e-5);
}

TEST(RandomizedHadamard, BothSidesMakeAWeightIncoherentAsInTheOracle) {
    RowMajorD weights = normalMatrix(32, 64, 22);
    weights(3, 9) = 30;
    EXPECT_NEAR(incoherence(weights), 24.3547, 1e-3);
    EXPECT_NEAR(incoherence(oracleRotation(32, 31) * weights * oracleRotation(64, 23)), 3.33723, 1e-4);
}

} // namespace
} // namespace qs::test
