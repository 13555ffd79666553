#include "core/io/architectures/llama.h"

#include "core/io/architectures/attention_modules.h"
#include "core/io/architectures/families.h"

#include <fmt/format.h>

namespace qs {
namespace {

using Bias = GraphWriter::Bias;

constexpr std::int64_t kWidestHead = 4096;

Bias biasIf(bool present) {
    return present ? Bias::Yes : Bias::No;
}

class LlamaWriter {
public:
    LlamaWriter(GraphWriter &graph, const LlamaConfig &config)
        : m_graph(graph), m_config(config), m_positions(std::min(config.positions, kTablePositions)),
          m_ids(graph.input("input_ids", DType::Int64, {"batch", "sequence"})), m_tables(graph, m_ids) {}

    void write() {
        ValueId x = m_graph.embedding("embed_tokens", m_ids, m_config.vocabulary, m_config.hidden);
        RotaryTables rotary = rotaryTables(m_config.rotary, m_config.headWidth, m_positions);
        m_cos = m_tables.rows(m_graph.constant("rotary.cos", std::move(rotary.cos)));
        m_sin = m_tables.rows(m_graph.constant("rotary.sin", std::move(rotary.sin)));
        for (std::int64_t block = 0; block < m_config.blocks; ++block)
            x = writeBlock(x, block);
        x = norm("norm", x);
        const std::int64_t width = m_config.hidden, rows = m_config.vocabulary;
        const ValueId logits = m_graph.has("lm_head.weight")
                                   ? m_graph.linear("lm_head", x, width, rows, Bias::No)
                                   : m_graph.tiedHead("lm_head", x, "embed_tokens.weight", width, rows);
        m_graph.output("logits", logits, {"batch", "sequence", std::to_string(rows)});
    }

private:
    ValueId norm(const std::string &module, ValueId x) {
        return m_graph.rmsNorm(module, x, m_config.hidden, m_config.normEpsilon);
    }

    ValueId writeBlock(ValueId x, std::int64_t block) {
        const std::string module = fmt::format("layers.{}", block);
        const ValueId attention =
            writeAttention(module + ".self_attn", norm(module + ".input_layernorm", x), block);
        x = m_graph.add(module, x, attention);
        const ValueId mlp = writeMlp(module + ".mlp", norm(module + ".post_attention_layernorm", x));
        return m_graph.add(module, x, mlp);
    }

    ValueId writeAttention(const std::string &module, ValueId x, std::int64_t block) {
        const auto &[heads, kvHeads, width] = m_shape;
        const ValueId query = turn(module, projectHeads(module, "q", x, heads));
        const ValueId key = turn(module, projectHeads(module, "k", x, kvHeads));
        const ValueId value = projectHeads(module, "v", x, kvHeads);
        const ValueId joined = attend(m_graph, module, m_shape, query, key, value, maskOf(block));
        return m_graph.linear(module + ".o_proj", joined, heads * width, m_config.hidden,
                              biasIf(m_config.outputBias));
    }

    /// \param part  q, k or v
    ValueId projectHeads(const std::string &module, const std::string &part, ValueId x, std::int64_t heads) {
        const std::int64_t width = m_shape.width;
        const ValueId projected = m_graph.linear(fmt::format("{}.{}_proj", module, part), x, m_config.hidden,
                                                 heads * width, biasIf(m_config.qkvBias));
        if (!m_config.queryKeyNorm || part == "v")
            return splitHeads(m_graph, module, projected, heads, width);
        const ValueId split = m_graph.op(module, "Reshape", {projected, m_graph.ints({0, 0, heads, width})});
        const ValueId normalized =
            m_graph.rmsNorm(fmt::format("{}.{}_norm", module, part), split, width, m_config.normEpsilon);
        return m_graph.op(module, "Transpose", {normalized},
                          {{"perm", std::vector<std::int64_t>{0, 2, 1, 3}}});
    }

    /// x cos + rotateHalf(x) sin.
    ValueId turn(const std::string &module, ValueId x) {
        const std::int64_t half = m_shape.width / 2;
        const std::vector<ValueId> halves = m_graph.split(module, x, {half, half});
        const ValueId rotated =
            m_graph.op(module, "Concat", {m_graph.op(module, "Neg", {halves[1]}), halves[0]},
                       {{"axis", std::int64_t{-1}}});
        return m_graph.add(module, m_graph.mul(module, x, m_cos), m_graph.mul(module, rotated, m_sin));
    }

    ValueId maskOf(std::int64_t block) {
        std::int64_t window =
            m_config.windows.empty() ? 0 : m_config.windows[static_cast<std::size_t>(block)];
        if (window >= m_positions) // no pair of positions is so far apart
            window = 0;
        const auto known = m_masks.find(window);
        return known != m_masks.end()
                   ? known->second
                   : m_masks.emplace(window, m_tables.causalMask(m_positions, window)).first->second;
    }

    ValueId writeMlp(const std::string &module, ValueId x) {
        const auto linear = [&](const char *part, ValueId input, std::int64_t in, std::int64_t out) {
            return m_graph.linear(fmt::format("{}.{}_proj", module, part), input, in, out,
                                  biasIf(m_config.mlpBias));
        };
        const std::int64_t width = m_config.hidden, inner = m_config.intermediate;
        const ValueId gate =
            m_graph.activation(module + ".act_fn", m_config.activation, linear("gate", x, width, inner));
        return linear("down", m_graph.mul(module, gate, linear("up", x, width, inner)), inner, width);
    }

    GraphWriter &m_graph;
    const LlamaConfig &m_config;
    AttentionShape m_shape{m_config.heads, m_config.kvHeads, m_config.headWidth};
    std::int64_t m_positions;
    ValueId m_ids;
    SequenceTables m_tables;
    ValueId m_cos = kNoValue, m_sin = kNoValue;
    std::map<std::int64_t, ValueId> m_masks; ///< by window
};

/// Which blocks see only the last keys: all (Mistral), those from max_window_layers on (Qwen), or as listed.
std::vector<std::int64_t> readWindows(ConfigReader &reader, std::int64_t blocks) {
    using namespace config_limits;
    if (!reader.has("sliding_window") || !reader.flag("use_sliding_window", true))
        return {};
    const std::int64_t window = reader.count("sliding_window", kMostPositions);
    const auto count = static_cast<std::size_t>(blocks);
    const auto types = reader.config().find("layer_types");
    if (types != reader.config().end() && types->is_array()) {
        std::vector<std::int64_t> windows;
        for (const auto &type : *types) {
            if (type != "full_attention" && type != "sliding_attention")
                reader.complain("layer_types", "may hold full_attention and sliding_attention only.");
            windows.push_back(type == "sliding_attention" ? window : 0);
        }
        if (windows.size() != count)
            reader.complain("layer_types", "must have one entry for each layer.");
        windows.resize(count);
        return windows;
    }
    std::vector<std::int64_t> windows(count, window);
    if (reader.has("max_window_layers"))
        std::fill_n(windows.begin(), std::min(blocks, reader.count("max_window_layers", kMostBlocks)), 0);
    return windows;
}

} // namespace

LlamaConfig readLlamaConfig(ConfigReader &reader) {
    using namespace config_limits;
    LlamaConfig config;
    const std::string type = reader.text("model_type", "llama");
    config.hidden = reader.count("hidden_size", kMostWidth);
    config.intermediate = reader.count("intermediate_size", kMostWidth);
    config.blocks = reader.count("num_hidden_layers", kMostBlocks);
    config.vocabulary = reader.count("vocab_size", kMostRows);
    config.heads = reader.count("num_attention_heads", kMostHeads);
    config.kvHeads = reader.count("num_key_value_heads", kMostHeads, config.heads);
    config.headWidth =
        reader.count("head_dim", kMostWidth, std::max<std::int64_t>(config.hidden / config.heads, 1));
    config.positions = reader.count("max_position_embeddings", kMostPositions, 2048);
    if (config.heads % config.kvHeads != 0)
        reader.complain("num_key_value_heads", "must divide num_attention_heads.");
    // Tables of rotations are made before any weight is looked at, so a width that no model has ends here.
    if (config.headWidth > kWidestHead)
        reader.complain("head_dim",
                        fmt::format("is {}; allowed are up to {}.", config.headWidth, kWidestHead));
    if (config.headWidth % 2 != 0)
        reader.complain("head_dim", "must be even, as positions turn pairs.");
    config.normEpsilon = reader.real("rms_norm_eps", 0, 1, 1e-6);
    config.activation = reader.text("hidden_act", "silu");
    config.rotary = readRotaryConfig(reader, config.positions);
    config.qkvBias = type == "qwen2" || reader.flag("attention_bias", false);
    config.outputBias = type != "qwen2" && reader.flag("attention_bias", false);
    config.mlpBias = reader.flag("mlp_bias", false);
    config.queryKeyNorm = type == "qwen3";
    config.windows = readWindows(reader, config.blocks);
    return config;
}

Result<ModelGraph> buildLlama(const std::string &name, const LlamaConfig &config, const TensorLookup &lookup,
                              FindingList &findings, const RunContext &ctx) {
    noteShortTables(config.positions, name, findings);
    GraphWriter graph(name, lookup, ctx);
    LlamaWriter(graph, config).write();
    return std::move(graph).finish();
}

} // namespace qs
