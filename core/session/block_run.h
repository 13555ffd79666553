#pragma once

#include "core/analysis/block_data.h"
#include "core/quant/block_method.h"
#include "core/session/layer_run.h"

#include <set>

namespace qs {

/// Runs the block methods of a recipe while a run goes through the layers in order: at the first layer of a
/// window (one block, or as many as the method wants) the whole window is reconstructed, on inputs that the
/// layers before it, as they are quantized by then, let through. Layers whose method is none stay in float
/// while it is. Layers in two windows get what the later one made of what the earlier one had made of them.
class BlockRuns {
public:
    /// \param model, executor  of the run: the request's, or what its transforms made of them
    BlockRuns(const RunRequest &request, std::shared_ptr<const Model> model,
              std::shared_ptr<const Executor> executor);
    ~BlockRuns();

    /// What a block method made of the layer; nothing when its method is none, or when its block cannot be
    /// run (a finding says why): then the method quantizes the layer alone. \param run  so far: its results
    /// in front of the layer, and its capture \error Cancelled
    Result<std::optional<ReadyLayer>> take(const Layer &layer, const Run &run, FindingList &findings,
                                           const RunContext &ctx);

    /// Layers that take() will reconstruct at this layer.
    std::int64_t layersAhead(const Layer &layer) const;
    /// Layers that take() reconstructs in all, each as often as it does.
    std::int64_t allLayers() const;

private:
    struct Group; ///< layers of a window with the same method and parameters
    std::shared_ptr<const BlockMethod> methodOf(const Layer &layer) const;
    bool isReconstructed(const Layer &layer) const;
    std::vector<Group> groupsOf(const ReconstructionBlock &block) const;
    BlockPlan planOf(const ReconstructionBlock &block) const;
    void findWindows(const std::vector<ReconstructionBlock> &blocks);
    bool startsAt(std::size_t window, const Layer &layer) const;
    Status reconstruct(std::size_t window, const Run &run, FindingList &findings, const RunContext &ctx);
    Status reconstructGroup(const Group &group, const Run &run, FindingList &findings, const RunContext &ctx);
    /// A layer as the method sees it; `weights` keeps what it looks at.
    Result<BlockLayer> blockLayer(const Layer &layer, const Run &run, std::vector<Tensor> &weights,
                                  const RunContext &ctx) const;
    Status prepareFeeder(const RunContext &ctx);

    const RunRequest &m_request;
    std::shared_ptr<const Model> m_model;
    std::shared_ptr<const Executor> m_executor; ///< may be null
    std::vector<ReconstructionBlock> m_windows; ///< with at least one layer to reconstruct
    std::set<std::size_t> m_done;               ///< windows that were tried
    std::unique_ptr<BlockFeeder> m_feeder;      ///< null until first needed
    std::map<LayerId, ReadyLayer> m_ready;
};

} // namespace qs
