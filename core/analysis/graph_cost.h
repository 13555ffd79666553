#pragma once

#include "core/exec/shape_trace.h"
#include "core/graph/model.h"
#include "core/hardware/workload.h"
#include "core/quant/recipe.h"

namespace qs {

/// The cost of one pass through an opened model, from the shapes of its nodes. Every node reads its operands
/// from memory and writes its result there (no fusion); reshapes are free, and so is what depends on shapes
/// only. \source roofline specification B.3, B.5
class GraphCost final : public CostSource {
public:
    explicit GraphCost(std::shared_ptr<const Model> model);

    std::string name() const override;
    std::vector<Stage> stages() const override { return {Stage::Inference}; }
    bool takesBatch() const override { return m_takesBatch; }
    bool takesSequence() const override { return m_takesSequence; }
    std::string whyNothing() const override;
    Result<Workload> workload(const WorkloadRequest &request, const RunContext &ctx) const override;

private:
    std::shared_ptr<const Model> m_model;
    bool m_takesBatch = false, m_takesSequence = false;
};

/// A model, or a Hugging Face config.json alone, told apart by content.
/// \error as openModel() and readNetworkConfig()
Result<std::shared_ptr<const CostSource>> openCostSource(const std::filesystem::path &file,
                                                         FindingList &findings, const RunContext &ctx);

/// Widths as a recipe wants them, by layer name: what it leaves in float has `floatBits`. Activations have
/// the width of the layer they enter; all others stay at `floatBits`, and so does the cache.
PrecisionPlan recipePlan(const Recipe &recipe, double floatBits);

} // namespace qs
