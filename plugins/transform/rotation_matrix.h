#pragma once

#include "core/base/run_context.h"

#include <Eigen/Core>
#include <functional>

namespace qs {

using SquareMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// In place, x becomes x H with the Hadamard matrix of order x.size(), a power of two, divided by its root.
void hadamardTransform(Eigen::Ref<Eigen::VectorXd> x);

/// Whether hadamardMatrix(order) exists here: 2^k, or 2^k times an order that Paley's constructions give.
bool hasHadamard(std::int64_t order);
/// Entries ±1, rows orthogonal: H Hᵀ = order · I. \param order  hasHadamard(order)
/// \source Sylvester 1867; Paley 1933 (types I and II, prime fields)
SquareMatrix hadamardMatrix(std::int64_t order);

/// What random matrices are made of: pure functions of the index.
using RandomBits = std::function<std::uint64_t(std::uint64_t index)>;

/// diag(±1) H / sqrt(d), orthogonal. Where no Hadamard matrix of order d is known, a block-diagonal one of
/// the largest order that divides d.
/// \param block  0: one block as above; else blocks of this order, which must divide channels
/// \error InvalidArgument  block does not divide channels or has no Hadamard matrix
/// \source Ashkboos et al. 2024, arXiv:2404.00456; methods A, A11
Result<SquareMatrix> randomizedHadamard(std::int64_t channels, std::int64_t block, const RandomBits &bits);
/// Order of the blocks that randomizedHadamard() uses for block = 0.
std::int64_t hadamardBlock(std::int64_t channels);

/// Uniformly distributed orthogonal matrix: Q of the QR factorisation of a Gaussian matrix whose R has a
/// positive diagonal, as a product of random reflections. d³ operations.
/// \error Cancelled
/// \source Stewart 1980, SIAM J. Numer. Anal. 17(3)
Result<SquareMatrix> randomOrthogonal(std::int64_t channels, const RandomBits &bits,
                                      const std::function<bool()> &cancelled);

} // namespace qs
