#include "core/base/json_object_reader.h"
#include "core/quant/recipe.h"

#include <cstdint>
#include <fmt/format.h>
#include <limits>

namespace qs {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

constexpr const char *kVersionKey = "quantoscope-recipe";
constexpr int kVersion = 1;
constexpr std::int64_t kLargestGroup = 1 << 24;

// ---------------------------------------------------------------- writing

OrderedJson rangeToJson(const RangeRule &rule) {
    using Kind = RangeRule::Kind;
    const RangeRule defaults;
    OrderedJson json{{"rule", rangeRuleName(rule.kind)}};
    if (rule.kind == Kind::Percentile || rule.percentile != defaults.percentile)
        json["percentile"] = rule.percentile;
    if (rule.kind == Kind::Mse || rule.norm != defaults.norm)
        json["norm"] = rule.norm;
    if (rule.kind == Kind::Mse || rule.gridSteps != defaults.gridSteps)
        json["gridSteps"] = rule.gridSteps;
    if (rule.kind == Kind::Mse || rule.maxShrink != defaults.maxShrink)
        json["maxShrink"] = rule.maxShrink;
    return json;
}

void writeGrid(const GridScheme &grid, OrderedJson &json) {
    json["bits"] = grid.bits;
    json["convention"] = gridConventionName(grid.convention);
    json["rounding"] = roundingModeName(grid.rounding);
    json["range"] = rangeToJson(grid.rule);
}

OrderedJson methodToJson(const MethodChoice &choice) {
    return {{"method", choice.method}, {"parameters", choice.parameters}};
}

OrderedJson weightToJson(const WeightChoice &weight) {
    OrderedJson json{{"method", weight.method}};
    writeGrid(weight.scheme.grid, json);
    json["granularity"] = granularityName(weight.scheme.granularity);
    if (weight.scheme.granularity == Granularity::PerGroup ||
        weight.scheme.groupSize != WeightGridScheme{}.groupSize)
        json["groupSize"] = weight.scheme.groupSize;
    json["scaleAsFloat16"] = weight.scheme.scaleAsFloat16;
    json["parameters"] = weight.parameters;
    if (weight.branch)
        json["branch"] = methodToJson(*weight.branch);
    for (const CorrectionInfo &correction : corrections())
        if (weight.corrects(correction.kind))
            json[std::string(correction.key)] = true;
    return json;
}

OrderedJson activationToJson(const ActivationChoice &activation) {
    OrderedJson json = OrderedJson::object();
    writeGrid(activation.grid, json);
    if (activation.scale != ActivationScale::Static)
        json["scale"] = activationScaleName(activation.scale);
    if (activation.scale == ActivationScale::Cross || activation.alpha != ActivationChoice{}.alpha)
        json["alpha"] = activation.alpha;
    return json;
}

OrderedJson ruleToJson(const RecipeRule &rule) {
    OrderedJson json{{"layers", rule.layers}};
    if (rule.choice.weight)
        json["weight"] = weightToJson(*rule.choice.weight);
    if (rule.choice.activation)
        json["activation"] = activationToJson(*rule.choice.activation);
    return json;
}

// ---------------------------------------------------------------- reading

Status readRange(const Json &json, const std::string &path, RangeRule &rule) {
    JsonObjectReader reader(json, path);
    reader.choice("rule", rangeRuleFromName, rule.kind);
    reader.number("percentile", 50, 100, rule.percentile);
    reader.number("norm", 1, 4, rule.norm);
    reader.integer("gridSteps", 1, 10000, rule.gridSteps);
    reader.number("maxShrink", 0, 0.99, rule.maxShrink);
    return reader.finish();
}

void readGrid(JsonObjectReader &reader, int fewestBits, GridScheme &grid) {
    reader.integer("bits", fewestBits, 8, grid.bits, JsonObjectReader::Required);
    reader.choice("convention", gridConventionFromName, grid.convention);
    reader.choice("rounding", roundingModeFromName, grid.rounding);
    if (const Json *range = reader.member("range"))
        reader.take(readRange(*range, reader.pathOf("range"), grid.rule));
}

void readParameters(JsonObjectReader &reader, Json &parameters) {
    if (const Json *given = reader.member("parameters")) {
        parameters = *given;
        if (!given->is_object())
            reader.refuse(reader.pathOf("parameters"), "must be an object");
    }
}

Status readMethod(const Json &json, const std::string &path, MethodChoice &choice) {
    JsonObjectReader reader(json, path);
    reader.text("method", choice.method, JsonObjectReader::Required);
    readParameters(reader, choice.parameters);
    return reader.finish();
}

void readPattern(JsonObjectReader &reader, std::string &layers, JsonObjectReader::Presence presence) {
    reader.text("layers", layers, presence);
    if (auto status = checkLayerPattern(layers); !status)
        reader.refuse(reader.pathOf("layers"), status.error().message);
}

Status readTransform(const Json &json, const std::string &path, TransformStep &step) {
    JsonObjectReader reader(json, path);
    readPattern(reader, step.layers, JsonObjectReader::Optional);
    reader.text("method", step.method.method, JsonObjectReader::Required);
    readParameters(reader, step.method.parameters);
    return reader.finish();
}

Status readWeight(const Json &json, const std::string &path, WeightChoice &weight) {
    JsonObjectReader reader(json, path);
    reader.text("method", weight.method, JsonObjectReader::Required);
    readGrid(reader, 1, weight.scheme.grid);
    reader.choice("granularity", granularityFromName, weight.scheme.granularity);
    reader.integer("groupSize", std::int64_t{1}, kLargestGroup, weight.scheme.groupSize);
    reader.boolean("scaleAsFloat16", weight.scheme.scaleAsFloat16);
    readParameters(reader, weight.parameters);
    if (const Json *branch = reader.member("branch"))
        reader.take(readMethod(*branch, reader.pathOf("branch"), weight.branch.emplace()));
    for (const CorrectionInfo &correction : corrections()) {
        bool wanted = false;
        reader.boolean(std::string(correction.key), wanted);
        if (wanted)
            weight.corrections.insert(correction.kind);
    }
    return reader.finish();
}

Status readActivation(const Json &json, const std::string &path, ActivationChoice &activation) {
    JsonObjectReader reader(json, path);
    readGrid(reader, 2, activation.grid);
    reader.choice("scale", activationScaleFromName, activation.scale);
    reader.number("alpha", 0, 1, activation.alpha);
    const bool fromToken =
        activation.scale == ActivationScale::Token || activation.scale == ActivationScale::Cross;
    if (fromToken && activation.grid.convention == GridConvention::Asymmetric)
        reader.refuse(reader.pathOf("convention"), "must be symmetric (s2) where scales come from the token");
    return reader.finish();
}

Status readRule(const Json &json, const std::string &path, RecipeRule &rule) {
    JsonObjectReader reader(json, path);
    readPattern(reader, rule.layers, JsonObjectReader::Required);
    if (const Json *weight = reader.member("weight"))
        reader.take(readWeight(*weight, reader.pathOf("weight"), rule.choice.weight.emplace()));
    if (const Json *activation = reader.member("activation"))
        reader.take(
            readActivation(*activation, reader.pathOf("activation"), rule.choice.activation.emplace()));
    return reader.finish();
}

} // namespace

OrderedJson Recipe::toJson() const {
    OrderedJson json{{kVersionKey, kVersion}, {"name", name}, {"seed", seed}};
    for (const TransformStep &step : transforms) {
        OrderedJson entry{{"layers", step.layers}};
        entry.update(methodToJson(step.method));
        json["transforms"].push_back(std::move(entry));
    }
    json["rules"] = OrderedJson::array();
    for (const RecipeRule &rule : rules)
        json["rules"].push_back(ruleToJson(rule));
    return json;
}

Result<Recipe> Recipe::fromJson(const Json &json) {
    Recipe recipe;
    JsonObjectReader reader(json, "");
    int version = kVersion;
    reader.integer(kVersionKey, 1, kVersion, version, JsonObjectReader::Required);
    reader.text("name", recipe.name);
    reader.integer("seed", std::uint64_t{0}, std::numeric_limits<std::uint64_t>::max(), recipe.seed);
    const Json *transforms = reader.member("transforms");
    if (transforms && !transforms->is_array())
        reader.refuse("transforms", "must be an array");
    if (transforms && transforms->is_array())
        for (std::size_t i = 0; i < transforms->size(); ++i)
            reader.take(readTransform((*transforms)[i], fmt::format("transforms[{}]", i),
                                      recipe.transforms.emplace_back()));
    const Json *rules = reader.member("rules", JsonObjectReader::Required);
    if (rules && !rules->is_array())
        reader.refuse("rules", "must be an array");
    if (rules && rules->is_array())
        for (std::size_t i = 0; i < rules->size(); ++i)
            reader.take(readRule((*rules)[i], fmt::format("rules[{}]", i), recipe.rules.emplace_back()));
    QS_CHECK_OK(reader.finish());
    return recipe;
}

} // namespace qs
