#pragma once

#include "core/numeric/adam.h"
#include "plugins/block/block_solver.h"

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

/// The rounding of one layer while it is learned: floor plus a share of 1 for every weight.
class RoundingVariables {
public:
    explicit RoundingVariables(const SolverLayer &layer);

    /// Values that the layer has with the present shares, [rows, cols].
    const std::vector<float> &softWeights(int maxThreads);
    /// One step of Adam. \param gradient  dLoss/dWeight, [rows, cols]
    /// \param lambda, beta  of the regulariser; lambda 0 = none
    void step(const std::vector<float> &gradient, double lambda, double beta, double learningRate,
              int maxThreads);
    double regularizer(double beta) const;
    std::vector<std::int16_t> codes() const;
    /// How many shares are within 0.02 of 0 or 1.
    std::int64_t binary() const;

private:
    const SolverLayer &m_layer;
    std::vector<float> m_variables;
    std::vector<float> m_floor; ///< floor(w / scale) + zero point
    std::vector<float> m_scale, m_zeroPoint;
    std::vector<float> m_soft;
    Adam m_adam;
};

/// Values of codes on the layer's grid.
std::vector<float> dequantizeCodes(const SolverLayer &layer, std::span<const std::int16_t> codes);

} // namespace qs
