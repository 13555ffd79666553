#include "plugins/rounding/column_coupling.h"

#include "plugins/support/run_blocks.h"

#include <algorithm>
#include <numeric>

namespace qs {
namespace {

constexpr double kDeadShare = 1e-12; ///< of the mean diagonal: below it the pull would be noise

} // namespace

Result<ColumnCoupling> coupleColumns(MatrixView<const double> hessian, bool actOrder,
                                     const SolverServices &services) {
    const std::int64_t size = hessian.rows;
    ColumnCoupling coupling;
    coupling.order.resize(static_cast<std::size_t>(size));
    std::iota(coupling.order.begin(), coupling.order.end(), 0);
    if (actOrder)
        std::stable_sort(coupling.order.begin(), coupling.order.end(),
                         [&](std::int32_t a, std::int32_t b) { return hessian(a, a) > hessian(b, b); });
    coupling.diagonal.resize(size);
    for (std::int64_t position = 0; position < size; ++position) {
        const std::int32_t column = coupling.order[static_cast<std::size_t>(position)];
        coupling.diagonal[position] = hessian(column, column);
    }
    const double dead = kDeadShare * coupling.diagonal.mean();
    coupling.pull.resize(size, size);
    QS_CHECK_OK(runBlocks(size, 16, services, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t j = begin; j < end; ++j) {
            const double diagonal = coupling.diagonal[j];
            const auto row = hessian.row(coupling.order[static_cast<std::size_t>(j)]);
            for (std::int64_t k = 0; k < size; ++k) {
                const auto other = static_cast<std::size_t>(coupling.order[static_cast<std::size_t>(k)]);
                coupling.pull(k, j) = diagonal > dead ? static_cast<float>(row[other] / diagonal) : 0.0f;
            }
            coupling.pull(j, j) = 0.0f;
        }
    }));
    return coupling;
}

} // namespace qs
