#include "plugins/grid/dual_scale_fit.h"

#include "plugins/support/run_blocks.h"

#include <Eigen/QR>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <numeric>

namespace qs {
namespace {

constexpr int kMaxScales = 3;
constexpr std::int64_t kRows = 16; ///< rows to hand to a thread at a time
constexpr double kSmallestColumn = 1e-8;
constexpr std::size_t kLookAtCancel = 65536; ///< elements of a row between two looks

using Levels = std::array<double, 1 << kMaxScales>;

Levels levelsOf(std::span<const double> scales) {
    Levels levels{};
    for (std::size_t signs = 0; signs < (std::size_t{1} << scales.size()); ++signs)
        for (std::size_t k = 0; k < scales.size(); ++k)
            levels[signs] += (signs >> k & 1) != 0 ? scales[k] : -scales[k];
    return levels;
}

/// The columns of one group in all rows; groups do not know each other.
class Group {
public:
    Group(MatrixView<const float> weights, std::int64_t firstColumn, std::int64_t columns,
          const DualScaleOptions &options, const SolverServices &services, DualScaleFit &fit)
        : m_weights(weights), m_first(firstColumn), m_columns(columns), m_options(options),
          m_services(services), m_fit(fit), m_rowError(static_cast<std::size_t>(weights.rows)) {}

    /// \param objective  [iterations + 1] the squared error is added
    Status run(std::vector<double> &objective) {
        if (m_options.fitColumns)
            QS_CHECK_OK(startColumns());
        QS_CHECK_OK(forRows([this](std::int64_t row) { startRow(row); }));
        objective[0] += error();
        for (int i = 1; i <= m_options.iterations; ++i) {
            QS_CHECK_OK(forRows([this](std::int64_t row) { fitScales(row); }));
            if (m_options.fitColumns)
                QS_CHECK_OK(fitColumns());
            QS_CHECK_OK(forRows([this](std::int64_t row) { pickLevels(row); }));
            objective[static_cast<std::size_t>(i)] += error();
        }
        return {};
    }

private:
    /// To be asked for every element of a row; looks from time to time.
    bool stopsAt(std::size_t element) const {
        return element % kLookAtCancel == kLookAtCancel - 1 && m_services.cancelled();
    }
    std::span<const float> weights(std::int64_t row) const {
        return m_weights.row(row).subspan(static_cast<std::size_t>(m_first),
                                          static_cast<std::size_t>(m_columns));
    }
    std::span<std::uint8_t> signs(std::int64_t row) {
        return {m_fit.signs.data() + row * m_weights.cols + m_first, static_cast<std::size_t>(m_columns)};
    }
    std::span<double> columns() {
        return {m_fit.columns.data() + m_first, static_cast<std::size_t>(m_columns)};
    }
    std::span<double> scales(std::int64_t row) {
        const std::int64_t size = m_options.groupSize > 0 ? m_options.groupSize : m_weights.cols;
        const std::int64_t groups = (m_weights.cols + size - 1) / size;
        const auto bits = static_cast<std::size_t>(m_options.bits);
        return {m_fit.scales.data() + static_cast<std::size_t>(row * groups + m_first / size) * bits, bits};
    }
    double error() const { return std::accumulate(m_rowError.begin(), m_rowError.end(), 0.0); }

    Status forRows(const std::function<void(std::int64_t row)> &body) {
        return runBlocks(m_weights.rows, kRows, m_services, [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t row = begin; row < end; ++row)
                body(row);
        });
    }

    /// Sums over rows, for every column, of two terms that add(row, first, second) puts in. Blocks of rows
    /// are joined in order, so that threads do not change the sums.
    Status sumColumns(const std::function<void(std::int64_t, double *, double *)> &add,
                      std::vector<double> &first, std::vector<double> &second) {
        const auto width = static_cast<std::size_t>(m_columns);
        const std::int64_t blockRows = std::max<std::int64_t>(kRows, (m_weights.rows + 15) / 16);
        const auto blocks = static_cast<std::size_t>((m_weights.rows + blockRows - 1) / blockRows);
        std::vector<double> parts(2 * blocks * width, 0.0);
        QS_CHECK_OK(runBlocks(m_weights.rows, blockRows, m_services, [&](auto begin, auto end) {
            double *sums = parts.data() + 2 * static_cast<std::size_t>(begin / blockRows) * width;
            for (auto row = begin; row < end && !m_services.cancelled(); ++row)
                add(row, sums, sums + width);
        }));
        first.assign(width, 0.0);
        second.assign(width, 0.0);
        for (std::size_t block = 0; block < blocks; ++block)
            for (std::size_t j = 0; j < width; ++j) {
                first[j] += parts[2 * block * width + j];
                second[j] += parts[(2 * block + 1) * width + j];
            }
        return {};
    }

    /// c_j starts as the mean magnitude of its column.
    Status startColumns() {
        std::vector<double> sums, unused;
        QS_CHECK_OK(sumColumns(
            [this](std::int64_t row, double *magnitudes, double *) {
                const auto values = weights(row);
                for (std::size_t j = 0; j < values.size(); ++j)
                    magnitudes[j] += std::abs(values[j]);
            },
            sums, unused));
        for (std::size_t j = 0; j < sums.size(); ++j)
            columns()[j] = std::max(sums[j] / static_cast<double>(m_weights.rows), kSmallestColumn);
        return {};
    }

    /// Each scale in turn takes the signs of what the scales before it left, and the scale that fits best.
    void startRow(std::int64_t row) {
        const auto values = weights(row);
        const auto c = columns();
        std::vector<double> rest(values.begin(), values.end());
        std::fill(signs(row).begin(), signs(row).end(), std::uint8_t{0});
        for (std::size_t k = 0; k < scales(row).size(); ++k) {
            double product = 0, square = 0;
            for (std::size_t j = 0; j < rest.size() && !stopsAt(j); ++j) {
                product += c[j] * std::abs(rest[j]);
                square += c[j] * c[j];
            }
            scales(row)[k] = product / square;
            for (std::size_t j = 0; j < rest.size() && !stopsAt(j); ++j) {
                const bool plus = rest[j] >= 0;
                rest[j] -= plus ? c[j] * scales(row)[k] : -c[j] * scales(row)[k];
                signs(row)[j] = static_cast<std::uint8_t>(signs(row)[j] | (plus ? 1u << k : 0u));
            }
        }
        double sum = 0;
        for (double value : rest)
            sum += value * value;
        m_rowError[static_cast<std::size_t>(row)] = sum;
    }

    /// Least squares for the scales of a row; elements with the same signs enter as one.
    void fitScales(std::int64_t row) {
        const auto values = weights(row);
        const auto c = columns();
        Levels squares{}, products{};
        for (std::size_t j = 0; j < values.size() && !stopsAt(j); ++j) {
            squares[signs(row)[j]] += c[j] * c[j];
            products[signs(row)[j]] += c[j] * values[j];
        }
        const int count = m_options.bits;
        Eigen::MatrixXd normal = Eigen::MatrixXd::Zero(count, count);
        Eigen::VectorXd right = Eigen::VectorXd::Zero(count);
        for (std::size_t code = 0; code < (std::size_t{1} << count); ++code) {
            Eigen::VectorXd sign(count);
            for (int k = 0; k < count; ++k)
                sign[k] = (code >> k & 1) != 0 ? 1.0 : -1.0;
            normal += squares[code] * sign * sign.transpose();
            right += products[code] * sign;
        }
        // Signs that always agree make the matrix singular; the solution of least norm is as good as any.
        adoptScales(row, Eigen::CompleteOrthogonalDecomposition<Eigen::MatrixXd>(normal).solve(right));
    }

    void adoptScales(std::int64_t row, const Eigen::VectorXd &solution) {
        std::uint8_t flipped = 0;
        for (std::size_t k = 0; k < scales(row).size(); ++k) {
            const double scale = solution[static_cast<Eigen::Index>(k)];
            scales(row)[k] = std::abs(scale);
            if (scale < 0)
                flipped = static_cast<std::uint8_t>(flipped | 1u << k);
        }
        for (std::uint8_t &code : signs(row))
            code ^= flipped;
    }

    Status fitColumns() {
        std::vector<double> products, squares;
        QS_CHECK_OK(sumColumns(
            [this](std::int64_t row, double *product, double *square) {
                const auto values = weights(row);
                const Levels levels = levelsOf(scales(row));
                for (std::size_t j = 0; j < values.size(); ++j) {
                    const double level = levels[signs(row)[j]];
                    product[j] += values[j] * level;
                    square[j] += level * level;
                }
            },
            products, squares));
        for (std::size_t j = 0; j < products.size(); ++j)
            if (products[j] > 0 && squares[j] > 0)
                columns()[j] = products[j] / squares[j];
        return {};
    }

    void pickLevels(std::int64_t row) {
        const auto values = weights(row);
        const auto c = columns();
        const Levels levels = levelsOf(scales(row));
        double sum = 0;
        for (std::size_t j = 0; j < values.size() && !stopsAt(j); ++j) {
            std::size_t best = 0;
            double bestError = std::abs(values[j] - c[j] * levels[0]);
            for (std::size_t code = 1; code < (std::size_t{1} << m_options.bits); ++code) {
                const double distance = std::abs(values[j] - c[j] * levels[code]);
                if (distance < bestError) {
                    best = code;
                    bestError = distance;
                }
            }
            signs(row)[j] = static_cast<std::uint8_t>(best);
            sum += bestError * bestError;
        }
        m_rowError[static_cast<std::size_t>(row)] = sum;
    }

    const MatrixView<const float> m_weights;
    const std::int64_t m_first, m_columns;
    const DualScaleOptions &m_options;
    const SolverServices &m_services;
    DualScaleFit &m_fit;
    std::vector<double> m_rowError; ///< [rows] squared error within the group
};

} // namespace

std::vector<double> dualScaleLevels(std::span<const double> scales) {
    const Levels levels = levelsOf(scales);
    return {levels.begin(), levels.begin() + (std::ptrdiff_t{1} << scales.size())};
}

Result<DualScaleFit> fitDualScales(MatrixView<const float> weights, const DualScaleOptions &options,
                                   const SolverServices &services) {
    if (options.bits != 2 && options.bits != 3)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("dual scales make levels of 2 or 3 bits; got {}", options.bits));
    const std::int64_t size = options.groupSize > 0 ? options.groupSize : weights.cols;
    const std::int64_t groups = (weights.cols + size - 1) / size;
    DualScaleFit fit;
    fit.scales.assign(static_cast<std::size_t>(weights.rows * groups * options.bits), 0.0);
    fit.columns.assign(static_cast<std::size_t>(weights.cols), 1.0);
    fit.signs.assign(static_cast<std::size_t>(weights.size()), 0);
    fit.objective.assign(static_cast<std::size_t>(options.iterations) + 1, 0.0);
    for (std::int64_t group = 0; group < groups; ++group) {
        services.progress(group, groups, "fitting dual scales");
        const std::int64_t first = group * size;
        QS_CHECK_OK(Group(weights, first, std::min(size, weights.cols - first), options, services, fit)
                        .run(fit.objective));
    }
    return fit;
}

} // namespace qs
