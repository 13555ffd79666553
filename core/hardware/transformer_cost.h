#pragma once

#include "core/hardware/network_description.h"
#include "core/hardware/workload.h"

namespace qs {

/// The cost of a transformer known by its config alone. Without request.compatible it counts what LLM-Viewer
/// leaves out or counts wrongly: logits of every token and sequence, the width of the MLP in its activation
/// function, the heads of the query in QKᵀ, one write of the output and the key heads of grouped queries in
/// fused attention, no gate where the model has none, explicit head_dim, embeddings, position tables, biases
/// and norm weights, rotary embedding, and only the causal half of the attention. \source roofline
/// specification B.3, B.4;  compatible: A.1 to A.6
class TransformerCost final : public CostSource {
public:
    explicit TransformerCost(NetworkDescription network) : m_network(std::move(network)) {}

    const NetworkDescription &network() const { return m_network; }
    std::string name() const override;
    std::vector<Stage> stages() const override;
    bool takesBatch() const override { return true; }
    bool takesSequence() const override { return m_network.isDecoder(); }
    std::int64_t maxSequence() const override { return m_network.maxPositions; }
    std::int64_t headDim() const override { return m_network.isDecoder() ? m_network.headDim : 0; }
    Result<Workload> workload(const WorkloadRequest &request, const RunContext &ctx) const override;

private:
    NetworkDescription m_network;
};

/// LLM-Viewer's equations, defects included. The request was checked.
/// \error InvalidArgument  a plan that is not uniform, or fused attention without the size of the register
/// files \error Unsupported      no decoder
Result<Workload> llmViewerWorkload(const NetworkDescription &network, const WorkloadRequest &request);

} // namespace qs
