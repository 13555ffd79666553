#pragma once

#include "core/hardware/transformer_cost.h"

#include <gtest/gtest.h>

namespace qs {

/// Published shapes of well-known models, as their config.json gives them.
inline nlohmann::json llama2Config(std::int64_t hidden, std::int64_t blocks, std::int64_t heads,
                                   std::int64_t kvHeads, std::int64_t intermediate) {
    return {
        {"model_type", "llama"},        {"hidden_size", hidden},          {"num_hidden_layers", blocks},
        {"num_attention_heads", heads}, {"num_key_value_heads", kvHeads}, {"intermediate_size", intermediate},
        {"vocab_size", 32000},          {"hidden_act", "silu"},           {"max_position_embeddings", 4096},
        {"tie_word_embeddings", false}};
}
inline nlohmann::json llama2Small() {
    return llama2Config(4096, 32, 32, 32, 11008);
}
inline nlohmann::json llama2Large() {
    return llama2Config(8192, 80, 64, 8, 28672);
}

inline NetworkDescription describe(const nlohmann::json &config) {
    auto network = networkFromConfig(config, "models/test/config.json");
    EXPECT_TRUE(network) << (network ? "" : network.error().text());
    return network ? *network : NetworkDescription{};
}

inline Workload passOf(const NetworkDescription &network, const WorkloadRequest &request) {
    auto workload = TransformerCost(network).workload(request, {});
    EXPECT_TRUE(workload) << (workload ? "" : workload.error().text());
    return workload ? *workload : Workload{};
}

inline const OperatorWork &operatorOf(const Workload &workload, const std::string &name) {
    for (const OperatorWork &work : workload.operators)
        if (work.name == name)
            return work;
    ADD_FAILURE() << "no operator " << name;
    return workload.operators.front();
}

inline bool hasOperator(const Workload &workload, const std::string &name) {
    return std::any_of(workload.operators.begin(), workload.operators.end(),
                       [&](const OperatorWork &work) { return work.name == name; });
}

} // namespace qs
