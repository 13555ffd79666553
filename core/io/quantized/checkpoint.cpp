#include "core/io/quantized/checkpoint.h"

#include "core/base/machine_memory.h"
#include "core/quant/layer_pattern.h"
#include "core/quant/recipe.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace qs {
namespace {

using Kind = CheckpointScheme::Kind;

/// Last parts of names that belong to a packed weight.
constexpr std::array<std::string_view, 4> kGptqParts{"qweight", "qzeros", "scales", "g_idx"};
constexpr std::array<std::string_view, 13> kCompressedParts{
    "weight_scale_inv", "weight_packed",       "weight_scale", "weight_zero_point", "weight_shape",
    "weight_g_idx",     "weight_global_scale", "input_scale",  "input_zero_point",  "input_global_scale",
    "output_scale",     "output_zero_point",   "weight"};

bool isPart(Kind kind, std::string_view part) {
    return kind == Kind::CompressedTensors
               ? std::ranges::find(kCompressedParts, part) != kCompressedParts.end()
               : std::ranges::find(kGptqParts, part) != kGptqParts.end();
}

/// Whether a module with these tensors holds codes: biases and norms have names of their own.
bool isPacked(Kind kind, const ModuleTensors &tensors) {
    if (kind == Kind::BitsAndBytes)
        return tensors.contains("absmax") || tensors.contains("SCB");
    if (kind != Kind::CompressedTensors)
        return tensors.contains("qweight");
    return tensors.contains("weight_packed") || tensors.contains("weight_scale") ||
           tensors.contains("weight_scale_inv");
}

bool matches(const std::string &target, const std::string &module) {
    if (target == "Linear" || target == module)
        return true;
    const std::string pattern = target.starts_with("re:") ? target.substr(3) : "";
    return !pattern.empty() && checkLayerPattern(pattern) && matchesLayerPattern(module, pattern + ".*");
}

const CheckpointScheme::Group *groupOf(const CheckpointScheme &scheme, const std::string &module) {
    for (const auto &group : scheme.groups)
        if (group.targets.empty() || std::any_of(group.targets.begin(), group.targets.end(),
                                                 [&](const auto &target) { return matches(target, module); }))
            return &group;
    return nullptr;
}

/// Weights that tensors of a module hold: those of its largest one, at the bits of a code.
double weightsIn(const ModuleTensors &tensors, int bits) {
    std::size_t largest = 0;
    for (const auto &[part, tensor] : tensors)
        largest = std::max(largest, tensor.sizeBytes());
    return 8.0 * static_cast<double>(largest) / bits;
}

void tell(const Error &error, const std::string &module, FindingList &findings) {
    findings.add(Severity::Error, "Its packed weight cannot be read: it " + error.message, module,
                 "Download the file and its config.json again.");
}

} // namespace

PackedCheckpoint::PackedCheckpoint(CheckpointScheme scheme, const std::vector<NamedTensor> &tensors)
    : m_scheme(std::move(scheme)) {
    for (const NamedTensor &named : tensors)
        add(named);
    std::erase_if(m_modules, [&](const auto &module) { return !isPacked(m_scheme.kind, module.second); });
    std::erase_if(m_consumed, [&](const auto &entry) { return !m_modules.contains(entry.second); });
}

void PackedCheckpoint::add(const NamedTensor &named) {
    const std::string &name = named.name;
    const std::size_t dot = name.rfind('.');
    if (dot == std::string::npos)
        return;
    std::string module = name.substr(0, dot), part = name.substr(dot + 1);
    if (m_scheme.kind == Kind::BitsAndBytes) {
        constexpr std::string_view kInner = ".weight.";
        if (const std::size_t inner = name.find(kInner); inner != std::string::npos) {
            module = name.substr(0, inner);
            part = name.substr(inner + kInner.size());
        } else if (part != "weight" && part != "SCB" && part != "weight_format") {
            return;
        }
    } else if (!isPart(m_scheme.kind, part)) {
        return;
    }
    m_modules[module][part] = named.tensor;
    m_consumed[name] = module;
}

Result<StoredLayer> PackedCheckpoint::read(const std::string &module, const ModuleTensors &tensors) const {
    if (m_scheme.kind == Kind::CompressedTensors) {
        const CheckpointScheme::Group *group = groupOf(m_scheme, module);
        if (!group)
            return fail(ErrorCode::CorruptFile, "belongs to no config group of quantization_config");
        return readCompressedModule(tensors, *group);
    }
    auto grid = m_scheme.kind == Kind::BitsAndBytes ? readBitsAndBytesModule(tensors)
                : m_scheme.kind == Kind::Awq        ? readAwqModule(tensors, m_scheme)
                                                    : readGptqModule(tensors, m_scheme);
    if (!grid)
        return fail(std::move(grid).error());
    return StoredLayer{std::move(*grid)};
}

Status PackedCheckpoint::checkMemory() const {
    double bytes = 0;
    for (const auto &[module, tensors] : m_modules) {
        const CheckpointScheme::Group *group = groupOf(m_scheme, module);
        bytes += sizeof(float) * weightsIn(tensors, group ? group->bits : m_scheme.bits);
    }
    const auto memory = static_cast<double>(machineMemoryBytes());
    if (bytes > memory / 2)
        return fail(
            ErrorCode::OutOfMemory,
            fmt::format("its weights need {:.1f} GB when they are unpacked to float32, more than half of "
                        "the {:.1f} GB of this machine; open it on a larger one",
                        bytes / 1e9, memory / 1e9));
    return {};
}

Result<std::vector<NamedTensor>> PackedCheckpoint::unpack(const std::vector<NamedTensor> &tensors,
                                                          bool inputsFirst, FindingList &findings,
                                                          const RunContext &ctx) const {
    QS_CHECK_OK(checkMemory());
    std::vector<NamedTensor> result;
    std::copy_if(tensors.begin(), tensors.end(), std::back_inserter(result),
                 [&](const NamedTensor &named) { return !m_consumed.contains(named.name); });
    std::int64_t done = 0;
    for (const auto &[module, parts] : m_modules) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        ctx.step(done++, static_cast<std::int64_t>(m_modules.size()), "unpacking " + module);
        const auto layer = read(module, parts);
        if (!layer) {
            tell(layer.error(), module, findings);
            continue;
        }
        const bool turned = inputsFirst && !module.ends_with("lm_head");
        result.push_back({module + ".weight", (turned ? layer->grid.transposed() : layer->grid).values()});
    }
    const bool quantizesInputs =
        std::any_of(m_scheme.groups.begin(), m_scheme.groups.end(),
                    [](const auto &group) { return group.staticInput || group.dynamicInput; });
    if (quantizesInputs)
        findings.add(
            Severity::Info,
            "The checkpoint is made for quantized activations; here the model runs with activations in "
            "float",
            "quantization_config",
            "Weights, their codes and scales are shown as they are. Choose activations in a recipe to see "
            "what quantizing them does.");
    return result;
}

std::optional<StoredLayer> PackedCheckpoint::find(const std::string &weight) const {
    constexpr std::string_view kEnding = ".weight";
    if (!weight.ends_with(kEnding))
        return std::nullopt;
    const std::string module = weight.substr(0, weight.size() - kEnding.size());
    auto found = m_modules.find(module);
    if (found == m_modules.end())
        found = std::find_if(m_modules.begin(), m_modules.end(),
                             [&](const auto &entry) { return entry.first.ends_with("." + module); });
    if (found == m_modules.end())
        return std::nullopt;
    auto layer = read(found->first, found->second);
    return layer ? std::optional(std::move(*layer)) : std::nullopt;
}

} // namespace qs
