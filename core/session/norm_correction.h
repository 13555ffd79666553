#pragma once

#include "core/session/run.h"
#include "core/transform/site_finder.h"

namespace qs {

/// Sums of the deviation of an activation, float network minus quantized network, by channel.
class DeviationSums {
public:
    /// \param reference, quantized  float32 [..., channels], of the same tokens
    void add(const Tensor &reference, const Tensor &quantized);

    /// Mean deviation μ by channel: what is added to the quantized activation.
    std::vector<double> mean() const;
    /// Mean squared deviation by channel; with μ added it is smaller by μ², exactly.
    std::vector<double> meanSquare() const;

private:
    std::vector<double> m_sum, m_squares;
    double m_tokens = 0;
};

/// The norms behind attention: of every attention the first one that follows its output and leads to layers
/// which belong to no attention.
std::vector<Site> findPostAttentionNorms(const Model &model);

/// Deviation-aware correction while a run goes through the layers in order: at the first layer that reads a
/// norm behind an attention, the calibration set has gone through the float network and the network as it is
/// quantized by then, side by side, and the mean deviation at the norm is added back. It is folded into the
/// outputs of the layers that read the norm: W(h + μ) = W h + W μ. Exact where their activations stay in
/// float. \source D²Quant (DAC), in our reading of its figure; methods A, A22
class NormCorrections {
public:
    /// \param model, executor  of the run: the request's, or what its transforms made of them; executor may
    /// be null
    NormCorrections(const RunRequest &request, std::shared_ptr<const Model> model,
                    std::shared_ptr<const Executor> executor, FindingList &findings);

    /// The result with its part of the correction, or as it is where none is asked for.
    /// \param run  so far: its results in front of the layer
    Result<std::shared_ptr<const LayerResult>> corrected(const Layer &layer,
                                                         std::shared_ptr<const LayerResult> result,
                                                         const Run &run, FindingList &findings,
                                                         const RunContext &ctx);

private:
    bool isAskedFor(const Layer &layer) const;
    Status start();
    Result<std::vector<double>> meanAt(const Site &norm, const Run &run, FindingList &findings,
                                       const RunContext &ctx);

    const RunRequest &m_request;
    std::shared_ptr<const Model> m_model;
    std::shared_ptr<const Executor> m_executor;
    std::vector<Site> m_norms; ///< that layers with the correction read
    std::map<ValueId, std::vector<double>> m_means;
    std::vector<ExecutionState> m_float, m_quantized; ///< by chunk of the calibration set
};

} // namespace qs
