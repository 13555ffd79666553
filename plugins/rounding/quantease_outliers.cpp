#include "plugins/rounding/quantease_outliers.h"

#include "core/tensor/convert.h"
#include "plugins/rounding/panel_rows.h"
#include "plugins/rounding/quantease_panel.h"
#include "plugins/rounding/sparse_part.h"
#include "plugins/support/run_blocks.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <memory>

namespace qs {
namespace {

constexpr int kPowerSteps = 300;
constexpr double kPowerTolerance = 1e-9;

/// Largest eigenvalue of a positive semidefinite matrix by power iteration.
Result<double> largestEigenvalue(MatrixView<const double> matrix, const SolverServices &services) {
    const std::int64_t size = matrix.rows;
    const Eigen::Map<const Eigen::MatrixXd> map(matrix.data, size, size);
    Eigen::VectorXd vector = map.colwise().norm().transpose();
    double value = 0;
    for (int step = 0; step < kPowerSteps && vector.squaredNorm() > 0.0; ++step) {
        vector.normalize();
        Eigen::VectorXd product(size);
        QS_CHECK_OK(runBlocks(size, 256, services, [&](std::int64_t begin, std::int64_t end) {
            product.segment(begin, end - begin) = map.middleCols(begin, end - begin).transpose() * vector;
        }));
        const double next = product.norm();
        const bool settled = std::abs(next - value) <= kPowerTolerance * next;
        value = next;
        vector = product;
        if (settled)
            break;
    }
    return value;
}

/// The choice of the largest outliers joins all rows after every sweep.
class OutlierDescent {
public:
    OutlierDescent(MatrixView<const float> weights, MatrixView<const double> hessian,
                   const QuantEaseOptions &options, const ColumnCoupling &coupling,
                   const SolverServices &services)
        : m_weights(weights), m_hessian(hessian), m_options(options), m_coupling(coupling),
          m_services(services), m_sparse(weights, options.outlierShare, options.wholeColumns) {}

    Result<QuantEaseResult> run(const SliceScheme &scheme) {
        QS_TRY(const LayerGrids grids, gridsWithoutOutliers(scheme));
        QS_TRY(const double largest, largestEigenvalue(m_hessian, m_services));
        makePanels(grids);
        for (int sweep = 0; sweep < m_options.sweeps; ++sweep) {
            QS_CHECK_OK(eachPanel([](QuantEasePanel &panel) { panel.sweep(false); }));
            if (largest > 0.0)
                QS_CHECK_OK(moveOutliers(m_options.outlierStep / largest));
            m_services.progress(sweep + 1, m_options.sweeps, "descending by columns, moving outliers");
        }
        QS_TRY(QuantEaseResult result, store(grids));
        if (m_options.keepBest && scheme.sharing != GridSharing::PerTensor)
            QS_CHECK_OK(keepNearest(scheme, result));
        return result;
    }

private:
    /// Grids whose range does not see the first outliers.
    Result<LayerGrids> gridsWithoutOutliers(const SliceScheme &scheme) const {
        std::vector<float> rest(m_weights.data, m_weights.data + m_weights.size());
        for (std::int64_t element : m_sparse.support())
            rest[static_cast<std::size_t>(element)] = 0.0f;
        return fitGrids({rest.data(), m_weights.rows, m_weights.cols}, scheme, m_services);
    }

    void makePanels(const LayerGrids &grids) {
        const std::int64_t step = panelRows(m_weights.rows);
        for (std::int64_t row = 0; row < m_weights.rows; row += step) {
            const std::int64_t rows = std::min(step, m_weights.rows - row);
            m_panels.push_back(
                std::make_unique<QuantEasePanel>(m_weights, m_coupling, grids, m_services, row, rows));
            m_panels.back()->startWithOutliers(m_sparse.values());
        }
    }

    Status eachPanel(const std::function<void(QuantEasePanel &)> &body) {
        return runBlocks(
            static_cast<std::int64_t>(m_panels.size()), 1, m_services,
            [&](std::int64_t index, std::int64_t) { body(*m_panels[static_cast<std::size_t>(index)]); });
    }

    /// One step of iterative hard thresholding: along the gradient, then the largest stay.
    Status moveOutliers(double step) {
        QS_CHECK_OK(
            eachPanel([&](const QuantEasePanel &panel) { panel.addDescent(step, m_sparse.proposal()); }));
        m_sparse.keepLargest();
        return eachPanel([&](QuantEasePanel &panel) { panel.setOutliers(m_sparse.values()); });
    }

    /// Codes of all rows, and outliers as the float16 values that will be stored: what the codes give plus S.
    Result<QuantEaseResult> store(const LayerGrids &grids) const {
        QuantEaseResult result{LayerCodes(grids), {}, {}, {}};
        std::vector<float> difference(static_cast<std::size_t>(m_weights.size()));
        for (const auto &panel : m_panels)
            for (std::int64_t row = panel->firstRow(); row < panel->firstRow() + panel->rows(); ++row) {
                panel->copyCodes(row - panel->firstRow(), result.layer);
                result.layer.values(row,
                                    MatrixView{difference.data(), m_weights.rows, m_weights.cols}.row(row));
            }
        result.outliers.elements = m_sparse.support();
        for (std::int64_t element : result.outliers.elements) {
            float &value = difference[static_cast<std::size_t>(element)];
            value = float16ToFloat(floatToFloat16(value + m_sparse.values().data[element]));
            if (!std::isfinite(value))
                return fail(ErrorCode::InvalidArgument,
                            fmt::format("row {}: an outlier is beyond float16; lower the share of outliers",
                                        element / m_weights.cols));
            result.outliers.values.push_back(value);
        }
        for (std::size_t i = 0; i < difference.size(); ++i)
            difference[i] = m_weights.data[i] - difference[i];
        QS_TRY(result.rowErrors,
               rowErrors({difference.data(), m_weights.rows, m_weights.cols}, m_hessian, m_services));
        return result;
    }

    /// Rows that plain rounding gets better lose their outliers.
    Status keepNearest(const SliceScheme &scheme, QuantEaseResult &result) const {
        QS_TRY(LayerGrids grids, fitGrids(m_weights, scheme, m_services));
        QS_TRY(const LayerCodes nearest, roundToNearest(m_weights, std::move(grids), m_services));
        QS_TRY(const std::vector<double> errors, rowErrors(m_weights, nearest, m_hessian, m_services));
        const std::vector<double> before = result.rowErrors;
        result.rowsKept = keepBetterRows(result.layer, result.rowErrors, nearest, errors);
        KeptValues kept;
        for (std::size_t i = 0; i < result.outliers.elements.size(); ++i) {
            const auto row = static_cast<std::size_t>(result.outliers.elements[i] / m_weights.cols);
            if (errors[row] < before[row])
                continue;
            kept.add(result.outliers.elements[i], result.outliers.values[i]);
        }
        result.outliers = std::move(kept);
        return {};
    }

    const MatrixView<const float> m_weights;
    const MatrixView<const double> m_hessian;
    const QuantEaseOptions &m_options;
    const ColumnCoupling &m_coupling;
    const SolverServices &m_services;
    SparsePart m_sparse;
    std::vector<std::unique_ptr<QuantEasePanel>> m_panels;
};

} // namespace

Result<QuantEaseResult> descendWithOutliers(MatrixView<const float> weights, const SliceScheme &scheme,
                                            MatrixView<const double> hessian, const QuantEaseOptions &options,
                                            const ColumnCoupling &coupling, const SolverServices &services) {
    return OutlierDescent(weights, hessian, options, coupling, services).run(scheme);
}

} // namespace qs
