#pragma once

#include "core/session/sweep/sweep_results.h"

namespace qs::views {

inline SweepRecord recordOf(const std::string &model, const std::string &method, int bits,
                            double effectiveBits, double perplexity, int activations = 0) {
    SweepRecord record;
    WeightChoice choice;
    choice.scheme.grid.bits = bits;
    std::optional<ActivationChoice> activation;
    if (activations > 0)
        activation.emplace().grid.bits = activations;
    record.job = {model, method, uniformRecipe({}, choice, activation)};
    record.job.recipe.name = method + std::to_string(bits);
    record.values = {{"effective_bits", effectiveBits}, {"perplexity", perplexity}, {"kl", perplexity / 100}};
    return record;
}

inline std::shared_ptr<const SweepResults> sampleResults() {
    auto results = std::make_shared<SweepResults>();
    for (const char *name : {"lm", "other"}) {
        SweepModel model;
        model.name = model.file = name;
        model.taskMetric = "perplexity";
        model.baseline["perplexity"] = 5.5;
        results->models.push_back(model);
    }
    results->records = {recordOf("lm", "rtn", 8, 8.25, 5.6),  recordOf("lm", "rtn", 4, 4.25, 7.5),
                        recordOf("lm", "gptq", 4, 4.25, 6.5), recordOf("lm", "gptq", 2, 2.25, 900),
                        recordOf("lm", "rtn", 8, 8.25, 6, 8), recordOf("other", "rtn", 8, 8.25, 3),
                        recordOf("lm", "fussy", 3, 3.25, 1)};
    SweepRecord &refused = results->records.back();
    refused.state = SweepRecord::State::NotApplicable;
    refused.reason = "fc1: Fussy: needs 5 bits";
    refused.values.clear();
    return results;
}

} // namespace qs::views
