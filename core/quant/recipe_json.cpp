#include "core/quant/recipe.h"

#include <cstdint>
#include <fmt/format.h>
#include <limits>
#include <set>
#include <utility>

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

/// Reads the members of one JSON object, strictly: every error carries the path, and finish() refuses what
/// nobody asked for. The first error sticks, so that a reader needs one check at its end.
class ObjectReader {
public:
    enum Presence { Optional, Required };

    ObjectReader(const Json &json, std::string path) : m_json(json), m_path(std::move(path)) {
        if (!json.is_object())
            refuse(m_path, "must be an object");
    }
    std::string pathOf(const std::string &key) const { return m_path.empty() ? key : m_path + "." + key; }
    void refuse(std::string path, std::string message) {
        if (m_status)
            m_status = fail(ErrorCode::InvalidArgument, std::move(message), std::move(path));
    }
    void take(Status status) {
        if (m_status)
            m_status = std::move(status);
    }

    /// The member, or nullptr when it is missing.
    const Json *member(const std::string &key, Presence presence = Optional) {
        m_known.insert(key);
        if (!m_status)
            return nullptr;
        if (auto found = m_json.find(key); found != m_json.end())
            return &*found;
        if (presence == Required)
            refuse(pathOf(key), "is missing");
        return nullptr;
    }
    void text(const std::string &key, std::string &value, Presence presence = Optional) {
        if (const Json *json = member(key, presence)) {
            if (json->is_string())
                value = json->get<std::string>();
            else
                refuse(pathOf(key), fmt::format("is {}; must be a text", json->dump()));
        }
    }
    void boolean(const std::string &key, bool &value) {
        if (const Json *json = member(key)) {
            if (json->is_boolean())
                value = json->get<bool>();
            else
                refuse(pathOf(key), fmt::format("is {}; allowed: true or false", json->dump()));
        }
    }
    template <typename Integer>
    void integer(const std::string &key, Integer lowest, Integer highest, Integer &value,
                 Presence presence = Optional) {
        const Json *json = member(key, presence);
        if (!json)
            return;
        // A whole number is stored as one of two types; each is compared in the sign that it has.
        bool fits = false;
        if (json->is_number_integer() && (json->is_number_unsigned() || json->get<std::int64_t>() >= 0))
            fits = std::cmp_less_equal(json->get<std::uint64_t>(), highest) &&
                   std::cmp_greater_equal(json->get<std::uint64_t>(), lowest);
        else if (json->is_number_integer())
            fits = std::cmp_greater_equal(json->get<std::int64_t>(), lowest);
        if (fits)
            value = json->get<Integer>();
        else
            refuse(pathOf(key),
                   fmt::format("is {}; allowed: whole numbers from {} to {}", json->dump(), lowest, highest));
    }
    void number(const std::string &key, double lowest, double highest, double &value) {
        const Json *json = member(key);
        if (!json)
            return;
        const double found =
            json->is_number() ? json->get<double>() : std::numeric_limits<double>::quiet_NaN();
        if (found >= lowest && found <= highest)
            value = found;
        else
            refuse(pathOf(key), fmt::format("is {}; allowed: {} to {}", json->dump(), lowest, highest));
    }
    template <typename Enum>
    void choice(const std::string &key, Result<Enum> (*fromName)(std::string_view), Enum &value) {
        std::string name;
        text(key, name);
        if (!m_status || !m_json.contains(key))
            return;
        if (auto known = fromName(name))
            value = *known;
        else
            refuse(pathOf(key), known.error().message);
    }
    Status finish() {
        if (m_status)
            for (const auto &[key, value] : m_json.items())
                if (!m_known.contains(key))
                    refuse(pathOf(key), fmt::format("is unknown; known here: {}", fmt::join(m_known, ", ")));
        return m_status;
    }

private:
    const Json &m_json;
    std::string m_path;
    std::set<std::string> m_known;
    Status m_status;
};

Status readRange(const Json &json, const std::string &path, RangeRule &rule) {
    ObjectReader reader(json, path);
    reader.choice("rule", rangeRuleFromName, rule.kind);
    reader.number("percentile", 50, 100, rule.percentile);
    reader.number("norm", 1, 4, rule.norm);
    reader.integer("gridSteps", 1, 10000, rule.gridSteps);
    reader.number("maxShrink", 0, 0.99, rule.maxShrink);
    return reader.finish();
}

void readGrid(ObjectReader &reader, GridScheme &grid) {
    reader.integer("bits", 2, 8, grid.bits, ObjectReader::Required);
    reader.choice("convention", gridConventionFromName, grid.convention);
    reader.choice("rounding", roundingModeFromName, grid.rounding);
    if (const Json *range = reader.member("range"))
        reader.take(readRange(*range, reader.pathOf("range"), grid.rule));
}

Status readWeight(const Json &json, const std::string &path, WeightChoice &weight) {
    ObjectReader reader(json, path);
    reader.text("method", weight.method, ObjectReader::Required);
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
    ObjectReader reader(json, path);
    readGrid(reader, activation.grid);
    return reader.finish();
}

Status readRule(const Json &json, const std::string &path, RecipeRule &rule) {
    ObjectReader reader(json, path);
    reader.text("layers", rule.layers, ObjectReader::Required);
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
    ObjectReader reader(json, "");
    int version = kVersion;
    reader.integer(kVersionKey, 1, kVersion, version, ObjectReader::Required);
    reader.text("name", recipe.name);
    reader.integer("seed", std::uint64_t{0}, std::numeric_limits<std::uint64_t>::max(), recipe.seed);
    const Json *rules = reader.member("rules", ObjectReader::Required);
    if (rules && !rules->is_array())
        reader.refuse("rules", "must be an array");
    if (rules && rules->is_array())
        for (std::size_t i = 0; i < rules->size(); ++i)
            reader.take(readRule((*rules)[i], fmt::format("rules[{}]", i), recipe.rules.emplace_back()));
    QS_CHECK_OK(reader.finish());
    return recipe;
}

} // namespace qs
