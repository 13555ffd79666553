#pragma once

#include "core/base/result.h"
#include "core/tensor/matrix_view.h"
#include "plugins/support/solver_services.h"

#include <span>
#include <vector>

namespace qs {

struct DualScaleOptions {
    int bits = 2;               ///< 2 or 3: how many signed scales make a level
    std::int64_t groupSize = 0; ///< columns of a row that share the scales r; 0 = all
    int iterations = 15;        ///< rounds of the alternation, >= 0
    bool fitColumns = true;     ///< false: every c is 1
};

/// W_ij is about c_j (± r_0 ± r_1 ...), with r of row i and the group of column j.
struct DualScaleFit {
    std::vector<double> scales;      ///< r [rows, groups, bits], >= 0
    std::vector<double> columns;     ///< c [cols], > 0
    std::vector<std::uint8_t> signs; ///< [rows, cols]; bit k set: + r_k, else - r_k
    std::vector<double> objective;   ///< sum of squared errors at the start and after every round
};

/// Fits row scales, column scales and signs in turn; no step makes the squared error larger. Column scales
/// are free where the layer that produces the inputs can take them in.
///
/// Where the best c_j would be negative, c_j stays as it is (the reference takes its magnitude, which can
/// raise the error).
///
/// \param weights  [rows, cols], finite
/// \error InvalidArgument  bits are not 2 or 3;  Cancelled
/// \thread parallel over rows; the result does not depend on the thread count
/// \source D2Quant, dual-scale quantizer; methods A, A22
Result<DualScaleFit> fitDualScales(MatrixView<const float> weights, const DualScaleOptions &options,
                                   const SolverServices &services);

/// The 2^k levels of k scales, by signs: bit k of the index set means + r_k.
std::vector<double> dualScaleLevels(std::span<const double> scales);

} // namespace qs
