#pragma once

#include "plugins/rounding/row_errors.h"
#include "tests/support/hessian_fixture.h"

#include <gtest/gtest.h>

namespace qs::test {

/// Services of a solver without a host: min-max grids, like the requests of HessianFixture.
inline SolverServices minMaxServices(int bits, GridConvention convention = GridConvention::Asymmetric) {
    SolverServices services;
    services.fitGrid = [bits, convention](std::span<const float> values) {
        const auto [lo, hi] = std::minmax_element(values.begin(), values.end());
        return gridForRange(*lo, *hi, bits, convention);
    };
    return services;
}

inline SliceScheme sliceScheme(int bits, std::int64_t groupSize = 0,
                               GridConvention convention = GridConvention::Asymmetric) {
    SliceScheme scheme;
    scheme.sharing = groupSize > 0 ? GridSharing::PerGroup : GridSharing::PerRow;
    scheme.groupSize = groupSize;
    scheme.range = codeRange(bits, convention);
    return scheme;
}

inline MatrixView<const float> weightsOf(const HessianFixture &layer) {
    return {layer.weights.data(), layer.weights.rows(), layer.weights.cols()};
}
inline MatrixView<const double> viewOf(const RowMajorD &matrix) {
    return {matrix.data(), matrix.rows(), matrix.cols()};
}
inline MatrixView<const double> hessianOf(const HessianFixture &layer) {
    return viewOf(layer.hessianMatrix);
}

inline RowMajorD valuesOf(const LayerCodes &layer) {
    RowMajorF values(layer.grids.rows, layer.grids.cols);
    for (Eigen::Index row = 0; row < values.rows(); ++row)
        layer.values(row, {values.row(row).data(), static_cast<std::size_t>(values.cols())});
    return values.cast<double>();
}
inline double errorOf(const HessianFixture &layer, const LayerCodes &codes) {
    return layer.energy(layer.exact - valuesOf(codes));
}
inline double rowErrorOf(const HessianFixture &layer, const LayerCodes &codes, Eigen::Index row) {
    return layer.energy((layer.exact - valuesOf(codes)).row(row));
}
inline LayerCodes nearestOf(const HessianFixture &layer, int bits, std::int64_t groupSize = 0) {
    const SolverServices services = minMaxServices(bits);
    return *roundToNearest(weightsOf(layer),
                           *fitGrids(weightsOf(layer), sliceScheme(bits, groupSize), services), services);
}

/// The published numbers have six digits and their ties may differ: 1e-3.
inline void expectRelative(double value, double expected, double tolerance = 1e-3) {
    EXPECT_NEAR(value, expected, tolerance * expected);
}

} // namespace qs::test
