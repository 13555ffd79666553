#include "plugins/transform/rotation_matrix.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <fmt/format.h>
#include <numbers>

namespace qs {
namespace {

using Eigen::Index;

/// A product with the kernel takes its order squared; larger ones would make the transform slow.
constexpr std::int64_t kLargestKernel = 256;

bool isPrime(std::int64_t value) {
    for (std::int64_t divisor = 2; divisor * divisor <= value; ++divisor)
        if (value % divisor == 0)
            return false;
    return value > 1;
}

bool isPaleyOne(std::int64_t order) {
    return order % 4 == 0 && isPrime(order - 1);
}

bool isPaleyTwo(std::int64_t order) {
    return order % 4 == 0 && isPrime(order / 2 - 1) && (order / 2 - 1) % 4 == 1;
}

/// The part of an order that Sylvester's doubling does not explain; 0: none is known.
std::int64_t kernelOrder(std::int64_t order) {
    if (order < 1)
        return 0;
    std::int64_t kernel = order >> std::countr_zero(static_cast<std::uint64_t>(order));
    if (kernel == 1)
        return 1;
    for (; kernel <= std::min(order, kLargestKernel); kernel *= 2)
        if (isPaleyOne(kernel) || isPaleyTwo(kernel))
            return kernel;
    return 0;
}

/// Jacobsthal matrix of a prime field: 1 where column − row is a square, −1 where not, 0 on the diagonal.
SquareMatrix jacobsthal(std::int64_t prime) {
    Eigen::VectorXd character = Eigen::VectorXd::Constant(prime, -1);
    character[0] = 0;
    for (std::int64_t root = 1; root < prime; ++root)
        character[root * root % prime] = 1;
    SquareMatrix matrix(prime, prime);
    for (std::int64_t row = 0; row < prime; ++row)
        for (std::int64_t col = 0; col < prime; ++col)
            matrix(row, col) = character[(col - row + prime) % prime];
    return matrix;
}

/// Borders the Jacobsthal matrix: `corner` apart, ones in the first row and `side` in the first column.
SquareMatrix borderedJacobsthal(std::int64_t prime, double side) {
    SquareMatrix matrix = SquareMatrix::Zero(prime + 1, prime + 1);
    matrix.row(0).tail(prime).setOnes();
    matrix.col(0).tail(prime).setConstant(side);
    matrix.bottomRightCorner(prime, prime) = jacobsthal(prime);
    return matrix;
}

SquareMatrix paleyTwo(std::int64_t order) {
    const SquareMatrix conference = borderedJacobsthal(order / 2 - 1, 1);
    SquareMatrix matrix(order, order);
    for (Index row = 0; row < conference.rows(); ++row)
        for (Index col = 0; col < conference.cols(); ++col) {
            const double value = conference(row, col);
            matrix.block<2, 2>(2 * row, 2 * col) =
                value == 0 ? (Eigen::Matrix2d() << 1, -1, -1, -1).finished()
                           : Eigen::Matrix2d(value * (Eigen::Matrix2d() << 1, 1, 1, -1).finished());
        }
    return matrix;
}

SquareMatrix kernelMatrix(std::int64_t order) {
    if (order == 1)
        return SquareMatrix::Ones(1, 1);
    if (isPaleyOne(order))
        return SquareMatrix::Identity(order, order) + borderedJacobsthal(order - 1, -1);
    return paleyTwo(order);
}

double uniform(std::uint64_t bits) {
    return static_cast<double>(bits >> 11) * 0x1p-53;
}

/// Standard normal number, by Box and Muller.
double normal(const RandomBits &bits, std::uint64_t index) {
    const double radius = std::sqrt(-2 * std::log(1 - uniform(bits(2 * index))));
    return radius * std::cos(2 * std::numbers::pi * uniform(bits(2 * index + 1)));
}

} // namespace

void hadamardTransform(Eigen::Ref<Eigen::VectorXd> x) {
    for (Index half = 1; half < x.size(); half *= 2)
        for (Index begin = 0; begin < x.size(); begin += 2 * half)
            for (Index at = begin; at < begin + half; ++at) {
                const double sum = x[at] + x[at + half];
                x[at + half] = x[at] - x[at + half];
                x[at] = sum;
            }
    x /= std::sqrt(static_cast<double>(x.size()));
}

bool hasHadamard(std::int64_t order) {
    return kernelOrder(order) > 0;
}

SquareMatrix hadamardMatrix(std::int64_t order) {
    SquareMatrix matrix = kernelMatrix(kernelOrder(order));
    while (matrix.rows() < order) {
        SquareMatrix doubled(2 * matrix.rows(), 2 * matrix.cols());
        doubled << matrix, matrix, matrix, -matrix;
        matrix = std::move(doubled);
    }
    return matrix;
}

std::int64_t hadamardBlock(std::int64_t channels) {
    for (std::int64_t blocks = 1; blocks < channels; ++blocks)
        if (channels % blocks == 0 && hasHadamard(channels / blocks))
            return channels / blocks;
    return 1;
}

Result<SquareMatrix> randomizedHadamard(std::int64_t channels, std::int64_t block, const RandomBits &bits) {
    if (block == 0)
        block = hadamardBlock(channels);
    if (channels % block != 0 || !hasHadamard(block))
        return fail(ErrorCode::InvalidArgument,
                    channels % block != 0
                        ? fmt::format("blocks of {} do not divide {} channels", block, channels)
                        : fmt::format("no Hadamard matrix of order {} is known; take 2^k, or 0 for the "
                                      "largest that fits",
                                      block));
    const SquareMatrix hadamard = hadamardMatrix(block) / std::sqrt(static_cast<double>(block));
    SquareMatrix matrix = SquareMatrix::Zero(channels, channels);
    for (std::int64_t begin = 0; begin < channels; begin += block)
        matrix.block(begin, begin, block, block) = hadamard;
    for (std::int64_t row = 0; row < channels; ++row)
        if (bits(static_cast<std::uint64_t>(row)) >> 63)
            matrix.row(row) *= -1;
    return matrix;
}

Result<SquareMatrix> randomOrthogonal(std::int64_t channels, const RandomBits &bits,
                                      const std::function<bool()> &cancelled) {
    SquareMatrix matrix = SquareMatrix::Identity(channels, channels);
    Eigen::VectorXd signs(channels);
    std::uint64_t index = 0;
    for (Index begin = channels - 1; begin >= 0; --begin) {
        if (cancelled())
            return RunContext::cancelledError();
        const Index size = channels - begin;
        Eigen::VectorXd mirror(size);
        for (double &value : mirror)
            value = normal(bits, index++);
        // The reflection takes the Gaussian column to `sign` times its length: the diagonal of R.
        const double sign = mirror[0] < 0 ? 1 : -1;
        signs[begin] = sign;
        mirror[0] -= sign * mirror.norm();
        auto corner = matrix.bottomRightCorner(size, size);
        const Eigen::RowVectorXd projection = (2 / mirror.squaredNorm()) * (mirror.transpose() * corner);
        corner.noalias() -= mirror * projection;
    }
    return SquareMatrix(matrix * signs.asDiagonal());
}

} // namespace qs
