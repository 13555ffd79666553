#include "core/io/importers/gguf_network.h"

#include "core/io/architectures/architectures.h"
#include "core/io/architectures/llama.h"
#include "core/io/importers/gguf_names.h"

#include <fmt/format.h>
#include <set>

namespace qs {
namespace {

constexpr std::int64_t kMost = std::int64_t(1) << 31; // of every count; products stay far from overflow

/// Metadata "llama.KEY" of one architecture. The first error sticks.
class Fields {
public:
    Fields(const GgufHeader &header, std::string architecture)
        : m_header(header), m_architecture(std::move(architecture)) {}

    bool has(const std::string &key) const { return m_header.find(m_architecture + "." + key) != nullptr; }
    std::int64_t count(const std::string &key, std::optional<std::int64_t> fallback = std::nullopt) {
        const GgufValue *value = find(key, fallback.has_value());
        if (!value)
            return fallback.value_or(1);
        const auto number = value->integer();
        if (!number || *number < 1 || *number > kMost)
            complain(key, fmt::format("is {}; a whole number of at least 1 is needed", value->valueText()));
        return number && *number >= 1 && *number <= kMost ? *number : 1;
    }
    double real(const std::string &key, std::optional<double> fallback = std::nullopt) {
        const GgufValue *value = find(key, fallback.has_value());
        if (!value)
            return fallback.value_or(1);
        const auto number = value->number();
        if (!number || !(*number > 0 && *number < 1e12))
            complain(key, fmt::format("is {}; a positive number is needed", value->valueText()));
        return number.value_or(1);
    }
    std::string text(const std::string &key, const char *fallback) {
        const GgufValue *value = find(key, true);
        return value ? std::string(value->text().value_or("?")) : fallback;
    }
    void complain(const std::string &key, const std::string &what) {
        if (m_status)
            m_status =
                fail(ErrorCode::Unsupported, fmt::format("metadata '{}.{}' {}", m_architecture, key, what));
    }
    const Status &status() const { return m_status; }

private:
    const GgufValue *find(const std::string &key, bool optional) {
        const GgufValue *value = m_header.find(m_architecture + "." + key);
        if (!value && !optional)
            complain(key, "is missing");
        return value;
    }

    const GgufHeader &m_header;
    std::string m_architecture;
    Status m_status;
};

/// The tensors of a file by the names of LlamaConfig's graph; remembers what was asked for.
class FileTensors {
public:
    explicit FileTensors(const std::vector<GgufFile> &files) {
        for (const GgufFile &file : files)
            for (const GgufTensor &tensor : file.header.tensors)
                m_byName.emplace(tensor.name, ggufTensor(file, tensor));
    }
    /// Makes find() put the rows of queries and keys in order. \param width  of a head, even
    void turnRows(std::int64_t width) { m_turnedWidth = width; }
    const Tensor *inFile(const std::string &name) {
        const auto found = m_byName.find(name);
        if (found == m_byName.end())
            return nullptr;
        m_used.insert(name);
        return &found->second;
    }
    const Tensor *find(const std::string &name) {
        const std::string stored = ggufTensorName(name);
        const Tensor *tensor = stored.empty() ? nullptr : inFile(stored);
        const bool turned = m_turnedWidth > 0 && turnsInPairs(name);
        // Another number of rows is refused by who asked.
        if (!tensor || !turned || tensor->shape().rank() < 1 || tensor->shape()[0] % m_turnedWidth != 0 ||
            tensor->numel() == 0)
            return tensor;
        const auto known = m_turned.find(name);
        return known != m_turned.end()
                   ? &known->second
                   : &m_turned.emplace(name, rowsOfHalves(*tensor, m_turnedWidth)).first->second;
    }
    void reportUnused(const std::string &where, FindingList &findings) const {
        std::vector<std::string> unused;
        for (const auto &[name, tensor] : m_byName)
            if (!m_used.contains(name))
                unused.push_back(name);
        if (!unused.empty())
            findings.add(
                Severity::Warning,
                fmt::format("{} tensors of the file are not part of the graph, first '{}'", unused.size(),
                            unused.front()),
                where,
                "If they change what the model computes, its outputs here are not those of the original.");
    }
    std::vector<NamedTensor> all() const {
        std::vector<NamedTensor> tensors;
        for (const auto &[name, tensor] : m_byName)
            tensors.push_back({name, tensor});
        return tensors;
    }

private:
    std::map<std::string, Tensor> m_byName;
    std::map<std::string, Tensor> m_turned; ///< by the name of the graph
    std::set<std::string> m_used;
    std::int64_t m_turnedWidth = 0;
};

RotaryConfig readRotary(Fields &fields, FileTensors &tensors, std::int64_t width, std::int64_t positions) {
    RotaryConfig rotary;
    rotary.theta = fields.real("rope.freq_base", 10000);
    if (fields.count("rope.dimension_count", width) != width)
        fields.complain("rope.dimension_count",
                        "is not the width of a head; rotations of a part are not known here");
    const std::string type = fields.text("rope.scaling.type", "none");
    if (type == "linear")
        rotary.scaling = RotaryConfig::Scaling::Linear;
    else if (type == "yarn")
        rotary.scaling = RotaryConfig::Scaling::Yarn;
    else if (type != "none")
        fields.complain("rope.scaling.type", "is not one of none, linear, yarn");
    if (rotary.scaling != RotaryConfig::Scaling::None)
        rotary.factor = fields.real("rope.scaling.factor");
    rotary.originalPositions =
        fields.real("rope.scaling.original_context_length", static_cast<double>(positions));
    const Tensor *divisors = tensors.inFile("rope_freqs.weight");
    if (divisors && (divisors->dtype() != DType::Float32 || divisors->numel() != width / 2))
        fields.complain("rope", "has a tensor 'rope_freqs.weight' that does not fit the width of a head");
    else if (divisors)
        for (const float divisor : divisors->values<float>())
            rotary.frequencyDivisors.push_back(static_cast<double>(divisor));
    return rotary;
}

LlamaConfig readConfig(Fields &fields, FileTensors &tensors) {
    LlamaConfig config;
    config.hidden = fields.count("embedding_length");
    config.intermediate = fields.count("feed_forward_length");
    config.blocks = fields.count("block_count");
    config.heads = fields.count("attention.head_count");
    config.kvHeads = fields.count("attention.head_count_kv", config.heads);
    config.headWidth =
        fields.count("attention.key_length", std::max<std::int64_t>(1, config.hidden / config.heads));
    config.positions = fields.count("context_length");
    config.normEpsilon = fields.real("attention.layer_norm_rms_epsilon");
    const Tensor *embedding = tensors.find("embed_tokens.weight");
    config.vocabulary = embedding && embedding->shape().rank() == 2 ? embedding->shape()[0] : 0;
    if (fields.count("attention.value_length", config.headWidth) != config.headWidth)
        fields.complain("attention.value_length", "is not the width of a key, which is not known here");
    if (config.headWidth % 2 != 0 || config.heads % config.kvHeads != 0 || config.blocks > 10000)
        fields.complain("attention", "has sizes that no such network can have");
    if (fields.has("expert_count") && fields.count("expert_count", 1) > 1)
        fields.complain("expert_count", "is above 1: mixtures of experts cannot be run here");
    if (fields.has("attention.sliding_window"))
        config.windows.assign(static_cast<std::size_t>(config.blocks),
                              fields.count("attention.sliding_window"));
    config.qkvBias = tensors.find("layers.0.self_attn.q_proj.bias") != nullptr;
    config.outputBias = tensors.find("layers.0.self_attn.o_proj.bias") != nullptr;
    config.mlpBias = tensors.find("layers.0.mlp.gate_proj.bias") != nullptr;
    config.queryKeyNorm = tensors.find("layers.0.self_attn.q_norm.weight") != nullptr;
    if (fields.status())
        config.rotary = readRotary(fields, tensors, config.headWidth, config.positions);
    return config;
}

} // namespace

Result<ModelGraph> buildGgufNetwork(const std::vector<GgufFile> &files, FindingList &findings,
                                    const RunContext &ctx) {
    const GgufHeader &header = files.front().header;
    const GgufValue *value = header.find("general.architecture");
    const std::string architecture(value ? value->text().value_or("") : "");
    if (architecture != "llama" && architecture != "qwen2" && architecture != "qwen3")
        return fail(ErrorCode::Unsupported,
                    fmt::format("general.architecture is {}; networks that can run here: llama, qwen2, qwen3",
                                value ? "'" + value->valueText() + "'" : "missing"));
    FileTensors tensors(files);
    Fields fields(header, architecture);
    const LlamaConfig config = readConfig(fields, tensors);
    QS_CHECK_OK(fields.status());
    QS_CHECK_OK(checkWeightMemory(tensors.all()));
    if (architecture == "llama")
        tensors.turnRows(config.headWidth);
    const std::string name = files.front().file->path().filename().string();
    const TensorLookup lookup = [&](const std::string &wanted) { return tensors.find(wanted); };
    QS_TRY(ModelGraph graph, buildLlama(name, config, lookup, findings, ctx));
    tensors.reportUnused(name, findings);
    return graph;
}

} // namespace qs
