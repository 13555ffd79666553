#pragma once

#include "plugins/support/slices.h"
#include "plugins/support/solver_services.h"
#include "tests/support/hessian_fixture.h"

#include <atomic>

namespace qs::test {

inline std::span<const float> valuesOf(const RowMajorF &matrix) {
    return {matrix.data(), static_cast<std::size_t>(matrix.size())};
}
inline MatrixView<const float> viewOf(const RowMajorF &matrix) {
    return {matrix.data(), matrix.rows(), matrix.cols()};
}
inline MatrixView<const double> viewOf(const RowMajorD &matrix) {
    return {matrix.data(), matrix.rows(), matrix.cols()};
}
inline Slices rowSlices(const RowMajorF &matrix) {
    return {matrix.rows(), matrix.cols(), matrix.cols()};
}

/// Services that say Cancel at the n-th look.
inline SolverServices cancelledAfter(int looks) {
    SolverServices services;
    services.cancelled = [left = std::make_shared<std::atomic<int>>(looks)] { return --*left < 0; };
    return services;
}

inline SolverServices onThreads(int threads) {
    SolverServices services;
    services.maxThreads = threads;
    return services;
}

} // namespace qs::test
