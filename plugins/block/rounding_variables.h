#pragma once

#include "plugins/block/low_rank_change.h"
#include "plugins/block/solver_block.h"

#include <optional>

namespace qs {

/// The rectified sigmoid that turns a variable into a share of rounding up, in [0, 1].
/// \source Nagel et al. 2020, arXiv:2004.10568, eq. 23
struct RectifiedSigmoid {
    static constexpr float kZeta = 1.1f, kGamma = -0.1f;

    static float value(float variable);
    static float slope(float variable);
    /// The variable whose value is `share`, which lies in [0, 1).
    static float inverse(float share);
};

/// Σ 1 - |2h - 1|^β and its derivative by h.
struct RoundingRegularizer {
    static double value(float share, double beta);
    static float slope(float share, float beta);
};

/// How the rounding of a layer is learned.
struct RoundingOptions {
    std::int64_t rank = 0; ///< of the change of the variables; 0, or as many as rows or columns: each its own
    std::function<double(std::uint64_t index)> uniform{}; ///< numbers in [0, 1) for the start of the change
};

/// The rounding of one layer while it is learned: floor plus a share of 1 for every weight.
class RoundingVariables {
public:
    RoundingVariables(const SolverLayer &layer, const RoundingOptions &options);

    /// What one step takes. Rates are those of Adam.
    struct Step {
        double lambda = 0; ///< of the regulariser; 0 = none. Low ranks do without
        double beta = 2;   ///< its exponent
        double learningRate = 0;
        double scaleRate = 0; ///< of the scales, relative; 0 = they stay
    };
    /// Values that the layer has with the present shares, [rows, cols].
    const std::vector<float> &softWeights(int maxThreads);
    /// \param gradient  dLoss/dWeight, [rows, cols]
    void step(const std::vector<float> &gradient, const Step &step, int maxThreads);
    /// Shares are those of `sharpness` times the variables: what decides where too few variables cannot.
    void sharpen(double sharpness) { m_sharpness = static_cast<float>(sharpness); }
    bool isLowRank() const { return m_change.has_value(); }
    double regularizer(double beta) const;
    SolvedLayer solved() const;
    /// How many shares are within 0.02 of 0 or 1.
    std::int64_t binary() const;

private:
    void load(const SolverLayer &layer);
    void stepScales(const std::vector<float> &gradient, double rate);

    const SolverLayer &m_layer;
    std::vector<float> m_variables;
    std::vector<float> m_floor; ///< floor(w / scale) + zero point, of the scale at first
    std::vector<float> m_scale, m_zeroPoint;
    std::vector<float> m_soft;
    std::vector<float> m_sliceScales; ///< as learned
    float m_sharpness = 1;
    Adam m_adam;
    std::optional<Adam> m_scaleAdam;
    std::optional<LowRankChange> m_change; ///< of m_base; then m_variables is their sum
    std::vector<float> m_base, m_slopes;
};

} // namespace qs
