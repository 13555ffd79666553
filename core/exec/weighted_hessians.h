#pragma once

#include "core/exec/hessian_accumulator.h"
#include "core/graph/attention.h"
#include "core/quant/token_weighting.h"

#include <map>
#include <set>

namespace qs {

/// A Hessian that a method asks for.
struct HessianWish {
    LayerId layer = kNoLayer;
    TokenWeighting weighting{}; ///< default: all tokens count alike

    auto operator<=>(const HessianWish &) const = default;
};

/// A Hessian in which tokens count by their importance, or why there is none.
struct WeightedHessian {
    TokenWeighting weighting;
    Tensor matrix;       ///< 2/Σw · Σ w x xᵀ, float64 [groups, cols, cols]; empty when refused
    std::string refusal; ///< what the user reads
};

/// What a batch of samples is, as far as weights of tokens need to know.
struct TokenBatch {
    std::int64_t samples = 0;
    std::vector<std::uint8_t> visible; ///< [samples * tokens], 0 = padding; empty = the model has no mask
};

/// Attention that every token of a batch receives: probabilities summed over heads and queries. Padding
/// neither asks nor receives.
/// \param probabilities  float32 [..., heads, queries, keys]; the axes before the last two hold the samples
/// first \return [samples][keys]; empty when the axes do not divide into samples
std::vector<std::vector<double>> attentionReceived(const Tensor &probabilities, const TokenBatch &batch);

/// Sums weighted Hessians while a calibration pass runs. Layers that read the same activation under the same
/// weighting share a sum. Attention of a layer is that which it belongs to, else the last one before it.
/// \source RSQ, Sung et al. 2025, arXiv:2503.01820; methods A, A12
class WeightedHessians {
public:
    /// \error of HessianAccumulator::create, for one layer: it is left out
    WeightedHessians(const Model &model, const std::set<HessianWish> &wishes, FindingList &findings);

    /// Values of the graph that take() must be told about.
    std::set<ValueId> values() const;
    void startBatch(TokenBatch batch);
    /// \param tensor  float32; kept until the attention that its weights need is known
    Status take(ValueId value, const Tensor &tensor, const RunContext &ctx);
    /// What was gathered for a layer. Says to `findings` where tokens counted alike after all.
    std::vector<WeightedHessian> finish(const Layer &layer);

private:
    struct Sum {
        TokenWeighting weighting;
        int attention = -1; ///< index of the block; -1: none stands before the layers
        ValueId input = kNoValue;
        HessianAccumulator accumulator;
        std::set<LayerId> layers{};
        Tensor waiting{}; ///< an input whose weights are not known yet
        bool uniform = false;
        Tensor result{};
    };
    void add(const Layer &layer, const TokenWeighting &weighting, const Model &model);
    int attentionOf(const Layer &layer) const;
    Status addTo(Sum &sum, const Tensor &input, const RunContext &ctx);
    std::vector<double> weightsFor(Sum &sum, const Tensor &input) const;
    std::vector<double> importanceOf(const Sum &sum, std::int64_t sample, std::span<const float> values,
                                     std::int64_t tokens) const;

    FindingList &m_findings;
    AttentionSearch m_attention;
    std::map<LayerId, std::vector<WeightedHessian>> m_refused;
    std::vector<Sum> m_sums;
    TokenBatch m_batch;
    std::map<int, std::vector<std::vector<double>>> m_received; ///< by block, of this batch
};

} // namespace qs
