#include "tests/core/hardware/configs.h"

#include <gmock/gmock.h>

namespace qs {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::string refusalOf(const json &config, ErrorCode code = ErrorCode::CorruptFile) {
    const auto network = networkFromConfig(config, "config.json");
    EXPECT_FALSE(network);
    if (network)
        return {};
    EXPECT_EQ(network.error().code, code) << network.error().text();
    EXPECT_EQ(network.error().where, "config.json");
    return network.error().message;
}

json visionConfig(const char *type) {
    json names = json::object();
    for (int i = 0; i < 1000; ++i)
        names[std::to_string(i)] = "class";
    return {{"model_type", type},        {"hidden_size", 768},        {"num_hidden_layers", 12},
            {"num_attention_heads", 12}, {"intermediate_size", 3072}, {"image_size", 224},
            {"patch_size", 16},          {"num_channels", 3},         {"hidden_act", "gelu"},
            {"qkv_bias", true},          {"id2label", names}};
}

json optConfig(std::int64_t hidden, std::int64_t blocks, std::int64_t heads, std::int64_t ffn) {
    return {{"model_type", "opt"},
            {"hidden_size", hidden},
            {"num_hidden_layers", blocks},
            {"num_attention_heads", heads},
            {"ffn_dim", ffn},
            {"max_position_embeddings", 2048},
            {"vocab_size", 50272},
            {"word_embed_proj_dim", hidden}};
}

// Parameter counts as the models' own pages and checkpoints give them.
TEST(NetworkConfig, ParametersAreThoseOfThePublishedModels) {
    EXPECT_EQ(describe(llama2Small()).parameters(), 6738415616.0);
    EXPECT_EQ(describe(llama2Large()).parameters(), 68976648192.0);
    json llama3 = llama2Config(4096, 32, 32, 8, 14336);
    llama3["vocab_size"] = 128256;
    EXPECT_EQ(describe(llama3).parameters(), 8030261248.0);
    json mistral = llama2Config(4096, 32, 32, 8, 14336);
    mistral["model_type"] = "mistral";
    EXPECT_EQ(describe(mistral).parameters(), 7241732096.0);
    json qwen = llama2Config(3584, 28, 28, 4, 18944); // Qwen2-7B: biases on q, k and v
    qwen["model_type"] = "qwen2";
    qwen["vocab_size"] = 152064;
    EXPECT_EQ(describe(qwen).parameters(), 7615616512.0);
    json qwen3 =
        llama2Config(1024, 28, 16, 8, 3072); // Qwen3-0.6B: heads wider than hidden / heads, tied head
    qwen3["model_type"] = "qwen3";
    qwen3["vocab_size"] = 151936;
    qwen3["head_dim"] = 128;
    qwen3["tie_word_embeddings"] = true;
    EXPECT_EQ(describe(qwen3).parameters(), 596049920.0);
    EXPECT_EQ(describe(optConfig(768, 12, 12, 3072)).parameters(), 125239296.0);
    EXPECT_EQ(describe(optConfig(2048, 24, 32, 8192)).parameters(), 1315758080.0);
    json opt350 = optConfig(1024, 24, 16, 4096);
    opt350["word_embed_proj_dim"] = 512;
    opt350["do_layer_norm_before"] = false;
    EXPECT_EQ(describe(opt350).parameters(), 331196416.0);
    EXPECT_EQ(describe(visionConfig("vit")).parameters(), 86567656.0);
    EXPECT_EQ(describe(visionConfig("deit")).parameters(),
              86567656.0 + 2 * 768); // distillation token and its position
}

// Everything that is in memory is counted: parameters of the pass against those of the description.
TEST(NetworkConfig, PassCountsEveryParameterOnce) {
    json tied = llama2Small();
    tied["tie_word_embeddings"] = true;
    json opt350 = optConfig(1024, 24, 16, 4096);
    opt350["word_embed_proj_dim"] = 512;
    json qwen3 = llama2Config(1024, 28, 16, 8, 3072);
    qwen3["model_type"] = "qwen3";
    qwen3["head_dim"] = 128;
    for (const json &config :
         {llama2Small(), tied, opt350, qwen3, visionConfig("vit"), visionConfig("deit")}) {
        const NetworkDescription network = describe(config);
        const Workload pass = passOf(network, {});
        EXPECT_EQ(pass.parameters, network.parameters()) << network.modelType;
        EXPECT_EQ(pass.memory.weights, 2 * network.parameters()) << network.modelType;
        EXPECT_DOUBLE_EQ(pass.averageWeightBits, 16);
    }
}

TEST(NetworkConfig, MissingFieldsAreNamed) {
    for (const char *field : {"hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
                              "vocab_size", "model_type"}) {
        json config = llama2Small();
        config.erase(field);
        EXPECT_THAT(refusalOf(config), testing::AllOf(HasSubstr(field), HasSubstr("missing")));
    }
    for (const char *field : {"ffn_dim", "max_position_embeddings"}) {
        json config = optConfig(768, 12, 12, 3072);
        config.erase(field);
        EXPECT_THAT(refusalOf(config), HasSubstr(field));
    }
    for (const char *field : {"image_size", "patch_size"}) {
        json config = visionConfig("vit");
        config.erase(field);
        EXPECT_THAT(refusalOf(config), HasSubstr(field));
    }
}

TEST(NetworkConfig, AbsurdValuesAreNamed) {
    for (const json &wrong :
         {json(0), json(-4096), json(4096.5), json("4096"), json(1e300), json(18446744073709551615ull),
          json(9223372036854775807ll), json(json::array()), json(true)})
        for (const char *field : {"hidden_size", "num_hidden_layers", "vocab_size", "num_key_value_heads"}) {
            json config = llama2Small();
            config[field] = wrong;
            EXPECT_THAT(refusalOf(config), HasSubstr(field)) << wrong;
        }
    json heads = llama2Small();
    heads["num_key_value_heads"] = 5;
    EXPECT_THAT(refusalOf(heads), HasSubstr("num_key_value_heads"));
    heads = llama2Small();
    heads["num_attention_heads"] = 24;
    heads["num_key_value_heads"] = 24;
    EXPECT_THAT(refusalOf(heads), HasSubstr("head_dim"));
    json act = llama2Small();
    act["hidden_act"] = "sine";
    EXPECT_THAT(refusalOf(act), testing::AllOf(HasSubstr("hidden_act"), HasSubstr("sine")));
    json patch = visionConfig("vit");
    patch["patch_size"] = 448;
    EXPECT_THAT(refusalOf(patch), HasSubstr("patch_size"));
    EXPECT_THAT(refusalOf(json::array()), HasSubstr("object"));
}

TEST(NetworkConfig, OtherFamiliesAreRefusedByName) {
    json config = llama2Small();
    config["model_type"] = "mamba";
    EXPECT_THAT(refusalOf(config, ErrorCode::Unsupported),
                testing::AllOf(HasSubstr("mamba"), HasSubstr("mistral")));
    json experts = llama2Small();
    experts["num_local_experts"] = 8;
    EXPECT_THAT(refusalOf(experts, ErrorCode::Unsupported), HasSubstr("num_local_experts"));
}

TEST(NetworkConfig, SlidingWindowIsUsedWhereTheFamilyUsesIt) {
    json mistral = llama2Small();
    mistral["model_type"] = "mistral";
    mistral["sliding_window"] = 512;
    EXPECT_EQ(describe(mistral).slidingWindow, 512);
    mistral["sliding_window"] = nullptr;
    EXPECT_FALSE(describe(mistral).slidingWindow);
    json qwen = llama2Small();
    qwen["model_type"] = "qwen2";
    qwen["sliding_window"] = 512;
    EXPECT_FALSE(describe(qwen).slidingWindow);
    qwen["use_sliding_window"] = true;
    EXPECT_EQ(describe(qwen).slidingWindow, 512);
}

TEST(NetworkConfig, SampleOfThisTreeDescribesTheTrainedModel) {
    const auto network = readNetworkConfig(std::filesystem::path(QS_SAMPLE_DATA) / "tiny-llama/config.json");
    ASSERT_TRUE(network) << network.error().text();
    EXPECT_EQ(network->kvHeads, 2);
    EXPECT_EQ(TransformerCost(*network).name(), "tiny-llama/config.json");
    EXPECT_TRUE(looksLikeNetworkConfig(llama2Small()));
    EXPECT_FALSE(looksLikeNetworkConfig({{"quantoscope-recipe", 1}, {"rules", json::array()}}));
}

} // namespace
} // namespace qs
