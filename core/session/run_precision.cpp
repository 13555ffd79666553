#include "core/session/run_precision.h"

namespace qs {

PrecisionPlan runPlan(std::shared_ptr<const Run> run, double floatBits) {
    PrecisionPlan plan;
    plan.name = run->name.empty() ? "run" : run->name;
    plan.layer = [run, floatBits](const WeightSite &site) {
        LayerPrecision precision{floatBits, floatBits, floatBits};
        const auto index = static_cast<std::size_t>(site.layer);
        if (site.layer < 0 || index >= run->layers.size() || !run->layers[index])
            return precision;
        const LayerResult &result = *run->layers[index];
        if (result.state != LayerResult::State::Quantized)
            return precision;
        if (result.quantized.weight) {
            precision.codeBits = result.quantized.weight->bits;
            precision.storedBits = result.bits.effective();
        }
        if (result.choice.activation)
            precision.inputBits = result.choice.activation->grid.bits;
        return precision;
    };
    plan.activationBits = plan.cacheBits = plan.cacheStoredBits = plan.floatBits = floatBits;
    plan.uniform = false;
    return plan;
}

} // namespace qs
