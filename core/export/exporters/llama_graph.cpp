#include "core/export/exporters/llama_graph.h"

#include "core/tensor/convert.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>

namespace qs {
namespace {

constexpr double kTolerance = 1e-5; ///< of angles, which are computed in float32

tl::unexpected<Error> unknown(const std::string &what) {
    return fail(ErrorCode::Unsupported,
                "the graph is not that of a LLaMA-like network as far as can be read off it: " + what +
                    ". Export from the folder of the model with its config.json, or from a GGUF file of it");
}

const Layer *find(const Model &model, const std::string &module) {
    const auto found = std::find_if(model.layers.begin(), model.layers.end(),
                                    [&](const Layer &layer) { return llamaModule(layer.name) == module; });
    return found == model.layers.end() ? nullptr : &*found;
}

/// A constant as rows of its last axis.
struct Table {
    std::int64_t rows = 0, width = 0;
    std::vector<float> values;

    double at(std::int64_t row, std::int64_t col) const {
        return static_cast<double>(values[static_cast<std::size_t>(row * width + col)]);
    }
};

std::optional<Table> tableOf(const Tensor &constant) {
    constexpr std::int64_t kFewest = 2, kMostElements = std::int64_t{1} << 26;
    const Shape &shape = constant.shape();
    if (!isFloatingPoint(constant.dtype()) || shape.rank() < 1 || constant.numel() < kFewest ||
        constant.numel() > kMostElements)
        return std::nullopt;
    const auto floats = toFloat32(constant);
    if (!floats)
        return std::nullopt;
    const std::int64_t width = shape[shape.rank() - 1];
    return Table{
        constant.numel() / width, width, {floats->values<float>().begin(), floats->values<float>().end()}};
}

/// The base of the rotation from the slowest frequency: theta^(-(width − 2) / width).
double baseOf(double slowest, std::int64_t width) {
    const double theta = std::pow(slowest, -static_cast<double>(width) / static_cast<double>(width - 2));
    const double rounded = std::round(theta);
    return std::abs(theta - rounded) < 1e-3 * rounded ? rounded : theta;
}

bool frequenciesAre(const Table &table, double theta, std::int64_t width, auto angleOf) {
    RotaryConfig rotary;
    rotary.theta = theta;
    for (std::int64_t pair = 0; pair < width / 2; ++pair)
        if (std::abs(angleOf(table, pair) - rotaryFrequency(rotary, pair, width)) > kTolerance)
            return false;
    return true;
}

/// A table of sines [positions, width]: zeros at position 0, the sines of all frequencies at position 1, the
/// second half as the first.
bool readSines(const Table &table, LlamaConfig &config) {
    const std::int64_t width = table.width;
    if (table.rows < 2 || width < 4 || width % 2 != 0 ||
        std::abs(table.at(1, 0) - std::sin(1.0)) > kTolerance)
        return false;
    for (std::int64_t col = 0; col < width; ++col)
        if (table.at(0, col) != 0 || table.at(1, col) != table.at(1, col % (width / 2)))
            return false;
    const auto angle = [](const Table &sines, std::int64_t pair) { return std::asin(sines.at(1, pair)); };
    const double theta = baseOf(angle(table, width / 2 - 1), width);
    if (!frequenciesAre(table, theta, width, angle))
        return false;
    config.headWidth = width;
    config.positions = table.rows;
    config.rotary.theta = theta;
    return true;
}

/// The frequencies themselves, in one line: 1, then ever slower.
bool readFrequencies(const Table &table, LlamaConfig &config) {
    const auto count = static_cast<std::int64_t>(table.values.size()), width = 2 * count;
    if (count < 2 || (table.rows != 1 && table.width != 1) || table.values[0] != 1 ||
        !(table.values.back() > 0 && table.values.back() < 1))
        return false;
    const auto frequency = [](const Table &line, std::int64_t pair) {
        return static_cast<double>(line.values[static_cast<std::size_t>(pair)]);
    };
    const double theta = baseOf(frequency(table, count - 1), width);
    if (!frequenciesAre(table, theta, width, frequency))
        return false;
    config.headWidth = width;
    config.rotary.theta = theta;
    return true;
}

Status readRotation(const ModelGraph &graph, LlamaConfig &config) {
    std::vector<ValueId> ids;
    for (const auto &[id, constant] : graph.constants())
        ids.push_back(id);
    std::sort(ids.begin(), ids.end()); // the same answer every time
    for (const auto &read : {readSines, readFrequencies})
        for (const ValueId id : ids)
            if (const auto table = tableOf(*graph.constant(id)); table && read(*table, config))
                return {};
    return unknown("it has no table of sines of rotary positions, and no list of their frequencies, of a "
                   "rotation without scaling");
}

/// What is added to the mean of squares.
Status readEpsilon(const ModelGraph &graph, LlamaConfig &config) {
    for (const Node &node : graph.nodes()) {
        if (node.opType == "RMSNormalization" || node.opType == "SimplifiedLayerNormalization") {
            config.normEpsilon = node.floatAttribute("epsilon", 1e-5);
            return {};
        }
        const NodeId mean =
            node.opType == "Add" && node.inputs.size() == 2 ? graph.value(node.inputs[0]).producer : kNoNode;
        const Tensor *added = mean != kNoNode && graph.node(mean).opType == "ReduceMean"
                                  ? graph.constant(node.inputs[1])
                                  : nullptr;
        if (added && added->dtype() == DType::Float32 && added->numel() == 1) {
            config.normEpsilon = static_cast<double>(added->values<float>()[0]);
            return {};
        }
    }
    return unknown("it has no RMS norm");
}

bool hasParameter(const Model &model, const std::string &name) {
    return model.graph.findValue(name) != kNoValue || model.graph.findValue("model." + name) != kNoValue;
}

} // namespace

std::string llamaModule(const std::string &layer) {
    constexpr std::array<std::string_view, 3> kPrefixes{"model.model.", "model.", "transformer."};
    for (const std::string_view prefix : kPrefixes)
        if (layer.starts_with(prefix))
            return layer.substr(prefix.size());
    return layer;
}

Result<LlamaConfig> readLlamaGraph(const Model &model) {
    LlamaConfig config;
    const Layer *embedding = find(model, "embed_tokens"), *query = find(model, "layers.0.self_attn.q_proj"),
                *key = find(model, "layers.0.self_attn.k_proj"), *up = find(model, "layers.0.mlp.up_proj");
    if (!embedding || !query || !key || !up)
        return unknown("it has no layers of the names embed_tokens, layers.0.self_attn.q_proj, "
                       "layers.0.self_attn.k_proj and layers.0.mlp.up_proj");
    config.vocabulary = embedding->outChannels;
    config.hidden = embedding->inPerOut;
    config.intermediate = up->outChannels;
    while (find(model, fmt::format("layers.{}.mlp.up_proj", config.blocks)))
        ++config.blocks;
    QS_CHECK_OK(readRotation(model.graph, config));
    QS_CHECK_OK(readEpsilon(model.graph, config));
    if (query->outChannels % config.headWidth != 0 || key->outChannels % config.headWidth != 0)
        return unknown(fmt::format("its heads of {} rows do not divide its {} queries and {} keys",
                                   config.headWidth, query->outChannels, key->outChannels));
    config.heads = query->outChannels / config.headWidth;
    config.kvHeads = key->outChannels / config.headWidth;
    config.qkvBias = query->bias != kNoValue || hasParameter(model, "layers.0.self_attn.q_proj.bias");
    config.queryKeyNorm = hasParameter(model, "layers.0.self_attn.q_norm.weight");
    if (config.positions == 0)
        config.positions = 2048;
    return config;
}

} // namespace qs
