#include "plugins/block/block_objective.h"

#include <algorithm>
#include <numeric>

namespace qs {

SolvedLayer SolvedLayer::nearest(const SolverLayer &layer) {
    return {layer.nearest, layer.scales, layer.zeroPoints};
}

std::vector<float> SolvedLayer::dequantize(const SolverLayer &layer) const {
    std::vector<float> values(codes.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
        const std::size_t slice = layer.sliceOf(i);
        values[i] = dequantizeValue(codes[i], {scales[slice], zeroPoints[slice]});
    }
    return values;
}

BlockObjective::BlockObjective(const std::vector<SolverLayer> &layers, const ObjectiveOptions &options,
                               const BlockSolverServices &services)
    : m_layers(layers), m_options(options), m_services(services) {
    for (const SolverLayer &layer : layers)
        m_startSteps.push_back(layer.activationScale);
    m_quantizesActivations = std::ranges::any_of(m_startSteps, [](float step) { return step > 0; });
}

std::vector<const float *> BlockObjective::pointers(const Values &values) {
    std::vector<const float *> list;
    for (const auto &entry : values)
        list.push_back(entry.data());
    return list;
}

Status BlockObjective::start() {
    bool dropped = false;
    for (std::size_t term = 0; term < m_options.weights.size(); ++term)
        if (m_options.weights[term] != 0 && (m_services.terms >> term & 1U) == 0) {
            // Whatever the loss was to be: the squared error is what there is.
            m_options.weights[term] = 0;
            m_options.weights[QS_TERM_SQUARED_ERROR] = 1;
            dropped = true;
        }
    if (dropped)
        m_services.warn("outside of its network a layer has the squared error of its output alone; the other "
                        "terms of the loss are left out");
    std::vector<SolvedLayer> nearest;
    for (const SolverLayer &layer : m_layers)
        nearest.push_back(SolvedLayer::nearest(layer));
    LossTerms terms{};
    QS_TRY(m_startLoss, onAllSamples(nearest, m_startSteps, &terms));
    if (m_options.fused)
        fuse(terms);
    return {};
}

void BlockObjective::fuse(const LossTerms &terms) {
    for (std::size_t term = 1; term < terms.size(); ++term)
        m_options.weights[term] *= terms[term] > 0 ? terms[QS_TERM_SQUARED_ERROR] / terms[term] : 0;
    m_startLoss = std::inner_product(terms.begin(), terms.end(), m_options.weights.begin(), 0.0);
}

double BlockObjective::startLossPerWeight() const {
    std::size_t weights = 0;
    for (const SolverLayer &layer : m_layers)
        weights += layer.size();
    return m_startLoss / static_cast<double>(weights);
}

Result<double> BlockObjective::run(SolverPass &pass) const {
    if (m_services.cancelled())
        return fail(ErrorCode::Cancelled, "cancelled");
    pass.termWeights = m_options.weights;
    pass.sameInputTarget = m_options.sameInputTarget;
    return m_services.run(pass);
}

Result<double> BlockObjective::onAllSamples(const std::vector<SolvedLayer> &weights,
                                            const std::vector<float> &steps, LossTerms *terms) const {
    Values values;
    for (std::size_t l = 0; l < m_layers.size(); ++l)
        values.push_back(weights[l].dequantize(m_layers[l]));
    SolverPass pass;
    pass.allSamples = true;
    pass.weights = pointers(values);
    if (m_quantizesActivations)
        pass.activationScales = steps;
    QS_TRY(const double loss, run(pass));
    if (terms)
        *terms = pass.terms;
    return loss;
}

Status BlockObjective::judge(BlockSolution &solution) const {
    solution.nearestLoss = m_startLoss;
    QS_TRY(solution.learnedLoss, onAllSamples(solution.layers, solution.activationScales, nullptr));
    solution.keptNearest = m_options.keepBest && solution.nearestLoss <= solution.learnedLoss;
    if (!solution.keptNearest)
        return {};
    for (std::size_t l = 0; l < m_layers.size(); ++l)
        solution.layers[l] = SolvedLayer::nearest(m_layers[l]);
    solution.activationScales = m_startSteps;
    return {};
}

} // namespace qs
