#pragma once

#include "core/numeric/adam.h"
#include "plugins/block/solver_block.h"

namespace qs {

/// The clipping factors of one layer while they are learned.
class RangeVariables {
public:
    RangeVariables(const SolverLayer &layer, double startLogit);

    /// Makes grid and codes for the present factors.
    void quantize(int maxThreads);
    const std::vector<float> &weights() const {
        return m_weights;
    } ///< of the latest quantize(), [rows, cols]
    const SolvedLayer &solved() const { return m_solved; }
    /// One step of Adam. \param gradient  dLoss/dWeight at weights(), [rows, cols]
    void step(const std::vector<float> &gradient, double learningRate);

private:
    bool isAsymmetric() const { return m_layer.convention == GridConvention::Asymmetric; }
    double steps() const;
    struct Slopes {
        double low = 0, high = 0; ///< dLoss / d(end of the range)
    };
    std::vector<Slopes> slopes(const std::vector<float> &gradient) const;

    const SolverLayer &m_layer;
    std::vector<double> m_low, m_high; ///< by slice: the range that is shrunk
    std::vector<float> m_logits;       ///< two for every slice: of the high end, of the low end
    SolvedLayer m_solved;
    std::vector<float> m_weights;
    Adam m_adam;
};

} // namespace qs
