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

OrderedJson weightToJson(const WeightChoice &weight) {
    OrderedJson json{{"method", weight.method}};
    writeGrid(weight.scheme.grid, json);
    json["granularity"] = granularityName(weight.scheme.granularity);
    if (weight.scheme.granularity == Granularity::PerGroup ||
        weight.scheme.groupSize != WeightGridScheme{}.groupSize)
        json["groupSize"] = weight.scheme.groupSize;
    json["scaleAsFloat16"] = weight.scheme.scaleAsFloat16;
    json["parameters"] = weight.parameters;
    return json;
}

OrderedJson ruleToJson(const RecipeRule &rule) {
    OrderedJson json{{"layers", rule.layers}};
    if (rule.choice.weight)
        json["weight"] = weightToJson(*rule.choice.weight);
    if (rule.choice.activation) {
        json["activation"] = OrderedJson::object();
        writeGrid(rule.choice.activation->grid, json["activation"]);
    }
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

void readGrid(JsonObjectReader &reader, GridScheme &grid) {
    reader.integer("bits", 2, 8, grid.bits, JsonObjectReader::Required);
    reader.choice("convention", gridConventionFromName, grid.convention);
    reader.choice("rounding", roundingModeFromName, grid.rounding);
    if (const Json *range = reader.member("range"))
        reader.take(readRange(*range, reader.pathOf("range"), grid.rule));
}

Status readWeight(const Json &json, const std::string &path, WeightChoice &weight) {
    JsonObjectReader reader(json, path);
    reader.text("method", weight.method, JsonObjectReader::Required);
    readGrid(reader, weight.scheme.grid);
    reader.choice("granularity", granularityFromName, weight.scheme.granularity);
    reader.integer("groupSize", std::int64_t{1}, kLargestGroup, weight.scheme.groupSize);
    reader.boolean("scaleAsFloat16", weight.scheme.scaleAsFloat16);
    if (const Json *parameters = reader.member("parameters")) {
        weight.parameters = *parameters;
        if (!parameters->is_object())
            reader.refuse(reader.pathOf("parameters"), "must be an object");
    }
    return reader.finish();
}

Status readActivation(const Json &json, const std::string &path, ActivationChoice &activation) {
    JsonObjectReader reader(json, path);
    readGrid(reader, activation.grid);
    return reader.finish();
}

Status readRule(const Json &json, const std::string &path, RecipeRule &rule) {
    JsonObjectReader reader(json, path);
    reader.text("layers", rule.layers, JsonObjectReader::Required);
    if (auto status = checkLayerPattern(rule.layers); !status)
        reader.refuse(reader.pathOf("layers"), status.error().message);
    if (const Json *weight = reader.member("weight"))
        reader.take(readWeight(*weight, reader.pathOf("weight"), rule.choice.weight.emplace()));
    if (const Json *activation = reader.member("activation"))
        reader.take(
            readActivation(*activation, reader.pathOf("activation"), rule.choice.activation.emplace()));
    return reader.finish();
}

} // namespace

OrderedJson Recipe::toJson() const {
    OrderedJson json{
        {kVersionKey, kVersion}, {"name", name}, {"seed", seed}, {"rules", OrderedJson::array()}};
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
