#pragma once

#include "plugins/rounding/gptq_solver.h"

#include <atomic>

namespace qs {

/// What all panels of one layer share.
struct GptqShared {
    MatrixView<const float> weights; ///< [rows, cols] as given, dead columns included
    const HessianFactor &factor;
    const GptqOptions &options;
    const SolverServices &services;
    const GptqResult &result;
    GptqReport &report;   ///< rowError is written per row
    ScaleZero tensorGrid; ///< PerTensor
    std::atomic<std::int64_t> done{0};
    std::atomic<std::int64_t> rowsKept{0};

    std::int64_t groupSize() const {
        return options.grid == GptqGrid::PerGroup ? options.groupSize : weights.cols;
    }
    std::int64_t groups() const { return (weights.cols + groupSize() - 1) / groupSize(); }
    bool dynamicGroups() const { return options.grid == GptqGrid::PerGroup && !options.staticGroups; }
};

/// A few consecutive rows on their way through all columns. Rows do not know each other, so panels run in
/// parallel; within a panel a column is contiguous, so the inner loops run over rows.
class GptqPanel {
public:
    GptqPanel(GptqShared &shared, std::int64_t firstRow, std::int64_t rows);

    /// Quantizes the rows and writes the result; returns early when the user cancels.
    void run();

private:
    using Columns = Eigen::MatrixXf; ///< [rows of the panel, columns in processing order], column-major

    /// [rows of the panel, groups]
    struct Grids {
        Columns scales;
        Eigen::MatrixXi zeroPoints;

        void set(Eigen::Index row, Eigen::Index group, ScaleZero grid);
        ScaleZero at(Eigen::Index row, Eigen::Index group) const {
            return {scales(row, group), zeroPoints(row, group)};
        }
    };

    void loadWeights();
    Grids originalGrids() const;
    void runAsReference();
    void runColumns(std::int64_t begin, std::int64_t end);
    std::int64_t firstHalf(std::int64_t count) const;
    void spread(std::int64_t begin, std::int64_t end, std::int64_t last);
    void runLeaf(std::int64_t begin, std::int64_t end);
    void quantizeColumn(std::int64_t position, std::int64_t leafBegin);
    void fitGroup(std::int64_t position);
    Columns conditionalWeights(std::int64_t begin, std::int64_t end) const;
    std::int64_t groupAt(std::int64_t position) const;
    void keepBetterRows();
    void takeRtnRow(std::int64_t row, const Grids &grids);
    void writeGrids();

    GptqShared &m_shared;
    const std::int64_t m_firstRow, m_rows, m_cols;
    Columns m_weights; ///< dead columns zeroed
    Columns m_targets; ///< t: weights plus the feedback so far
    Columns m_errors;  ///< w − q of the columns so far
    Eigen::Matrix<std::int16_t, Eigen::Dynamic, Eigen::Dynamic> m_codes; ///< of the current leaf
    Columns m_stale; ///< referenceCompat: weights as they stood at the start of the block
    std::int64_t m_staleBegin = 0;
    Grids m_grids;
    Eigen::VectorXd m_dampedError;  ///< Σ (R_jj (t − q))²
    Eigen::VectorXd m_squaredError; ///< Σ (w − q)², undoes the damping
};

} // namespace qs
