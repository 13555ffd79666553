#include "core/io/architectures/architectures.h"

#include "core/base/machine_memory.h"
#include "core/io/architectures/families.h"
#include "core/io/architectures/llama.h"
#include "core/io/safe_text.h"

#include <fmt/format.h>
#include <set>

namespace qs {
namespace {

/// Builds a family's graph from a config that is one of its own.
using BuildFamily = Result<ModelGraph> (*)(const std::string &name, ConfigReader &reader,
                                           const TensorLookup &lookup, FindingList &findings,
                                           const RunContext &ctx);

struct Family {
    std::vector<std::string_view> modelTypes;
    std::string_view prefix; ///< that names in the checkpoint may have
    BuildFamily build;
};

Result<ModelGraph> buildLlamaFamily(const std::string &name, ConfigReader &reader, const TensorLookup &lookup,
                                    FindingList &findings, const RunContext &ctx) {
    const LlamaConfig config = readLlamaConfig(reader);
    if (reader.problem())
        return fail(*reader.problem());
    return buildLlama(name, config, lookup, findings, ctx);
}

const std::vector<Family> &families() {
    static const std::vector<Family> kFamilies = {
        {{"llama", "mistral", "qwen2", "qwen3"}, "model.", buildLlamaFamily},
        {{"gpt2"}, "transformer.", buildGpt2},
        {{"opt"}, "model.decoder.", buildOpt},
        {{"bert"}, "bert.", buildBert},
        {{"vit"}, "vit.", buildVit},
        {{"deit"}, "deit.", buildVit},
    };
    return kFamilies;
}

Result<const Family *> findFamily(const std::string &modelType) {
    std::string known;
    for (const Family &family : families())
        for (const std::string_view type : family.modelTypes) {
            if (type == modelType)
                return &family;
            known += (known.empty() ? "" : ", ") + std::string(type);
        }
    return fail(ErrorCode::Unsupported,
                fmt::format("model_type '{}' is not known. Known: {}", safeName(modelType), known));
}

/// Tensors that networks keep for themselves and compute anew: masks, rotations, position numbers.
bool isBuffer(std::string_view name) {
    constexpr std::string_view kEndings[] = {"rotary_emb.inv_freq", "attn.bias", "attn.masked_bias",
                                             "embeddings.position_ids"};
    return std::any_of(std::begin(kEndings), std::end(kEndings),
                       [&](std::string_view ending) { return name.ends_with(ending); });
}

/// A checkpoint by the names that builders use; remembers what they asked for.
class CheckpointNames {
public:
    CheckpointNames(const std::vector<NamedTensor> &tensors, std::string_view prefix) : m_prefix(prefix) {
        for (const NamedTensor &named : tensors)
            m_byName.emplace(named.name, &named.tensor);
    }
    const Tensor *find(const std::string &name) {
        for (const std::string &candidate : {m_prefix + name, name})
            if (const auto found = m_byName.find(candidate); found != m_byName.end()) {
                m_used.insert(candidate);
                return found->second;
            }
        return nullptr;
    }
    void reportUnused(const std::string &where, FindingList &findings) const {
        std::vector<std::string> unused;
        for (const auto &[name, tensor] : m_byName)
            if (!m_used.contains(name) && !isBuffer(name))
                unused.push_back(name);
        if (!unused.empty())
            findings.add(
                Severity::Warning,
                fmt::format("{} tensors of the checkpoint are not part of the graph, first '{}'",
                            unused.size(), unused.front()),
                where,
                "If they change what the model computes, its outputs here are not those of the original.");
    }

private:
    std::string m_prefix;
    std::map<std::string, const Tensor *> m_byName;
    std::set<std::string> m_used;
};

/// Fields that change what a network computes in ways that no family here knows.
Status refuseUnknownVariants(const ConfigReader &reader) {
    for (const char *experts : {"num_local_experts", "num_experts", "n_routed_experts"})
        if (reader.has(experts))
            return fail(ErrorCode::Unsupported,
                        fmt::format("field '{}': mixtures of experts cannot be run here", experts));
    if (reader.has("quantization_config"))
        return fail(ErrorCode::Unsupported, "field 'quantization_config': the weights are quantized already, "
                                            "in a form that cannot be run here");
    for (const char *field : {"clip_qkv", "logit_scale", "attn_logit_softcapping", "final_logit_softcapping",
                              "query_pre_attn_scalar", "residual_multiplier", "embedding_multiplier"})
        if (reader.has(field))
            return fail(ErrorCode::Unsupported,
                        fmt::format("field '{}' changes the network in a way that is not known "
                                    "here",
                                    field));
    return {};
}

} // namespace

Status checkWeightMemory(const std::vector<NamedTensor> &tensors) {
    std::uint64_t bytes = 0;
    for (const NamedTensor &named : tensors)
        bytes += static_cast<std::uint64_t>(named.tensor.numel()) * sizeof(float);
    const std::uint64_t memory = machineMemoryBytes();
    if (bytes > memory / 2)
        return fail(
            ErrorCode::OutOfMemory,
            fmt::format(
                "the weights as float32 need {:.1f} GB, more than half of the {:.1f} GB of this machine",
                static_cast<double>(bytes) / 1e9, static_cast<double>(memory) / 1e9));
    return {};
}

Result<ModelGraph> buildArchitecture(const nlohmann::json &config, const std::filesystem::path &file,
                                     const std::vector<NamedTensor> &tensors, FindingList &findings,
                                     const RunContext &ctx) {
    if (!config.is_object())
        return fail(ErrorCode::CorruptFile, "must be a JSON object", file.filename().string());
    ConfigReader reader(config, file);
    const std::string type = reader.text("model_type", "");
    QS_TRY(const Family *family, findFamily(type));
    QS_CHECK_OK(refuseUnknownVariants(reader));
    QS_CHECK_OK(checkWeightMemory(tensors));
    const std::string name = std::filesystem::absolute(file).parent_path().filename().string();
    CheckpointNames names(tensors, family->prefix);
    const TensorLookup lookup = [&](const std::string &wanted) { return names.find(wanted); };
    QS_TRY(ModelGraph graph, family->build(name, reader, lookup, findings, ctx));
    names.reportUnused(name, findings);
    return graph;
}

} // namespace qs
