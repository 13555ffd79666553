#pragma once

#include "plugins/rounding/feedback_panel.h"
#include "plugins/rounding/gptq_solver.h"

namespace qs {

/// What all panels of one layer share.
struct GptqShared : FeedbackLayer {
    const GptqOptions &options;
    const GptqResult &result;
    GptqReport &report;   ///< rowError is written per row
    ScaleZero tensorGrid; ///< PerTensor
    std::atomic<std::int64_t> rowsKept{0};

    std::int64_t groupSize() const {
        return options.grid == GridSharing::PerGroup ? options.groupSize : weights.cols;
    }
    std::int64_t groups() const { return (weights.cols + groupSize() - 1) / groupSize(); }
    bool dynamicGroups() const { return options.grid == GridSharing::PerGroup && !options.staticGroups; }
};

/// A few rows of GPTQ: which grids they get, and what its options change.
class GptqPanel final : FeedbackPanel {
public:
    GptqPanel(GptqShared &shared, std::int64_t firstRow, std::int64_t rows);

    /// Quantizes the rows and writes the result; returns early when the user cancels.
    void run();

private:
    /// [rows of the panel, groups]
    struct Grids {
        Columns scales, zeros;

        void set(Eigen::Index row, Eigen::Index group, ScaleZero grid);
        ScaleZero at(Eigen::Index row, Eigen::Index group) const {
            return {scales(row, group), static_cast<std::int32_t>(zeros(row, group))};
        }
    };

    void roundColumn(std::int64_t position, std::int16_t *codes) override;
    std::int64_t columnsTogether() const override;
    Grids originalGrids() const;
    void runAsReference();
    void fitGroup(std::int64_t position);
    std::int64_t groupAt(std::int64_t position) const;
    void keepBetterRows();
    void takeRtnRow(std::int64_t row, const Grids &grids);
    void writeGrids();

    GptqShared &m_shared;
    Columns m_stale; ///< referenceCompat: weights as they stood at the start of the block
    std::int64_t m_staleBegin = 0;
    Grids m_grids;
    Eigen::VectorXd m_dampedError;  ///< Σ (R_jj (t − q))²
    Eigen::VectorXd m_squaredError; ///< Σ (w − q)², undoes the damping
};

} // namespace qs
