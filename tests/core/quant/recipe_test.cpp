#include "core/quant/recipe.h"

#include "core/quant/layer_pattern.h"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qs {
namespace {

using Json = nlohmann::json;

Json minimal() {
    return Json::parse(R"({"quantoscope-recipe": 1, "rules": [
        {"layers": ".*", "weight": {"method": "rtn", "bits": 4}},
        {"layers": "head", "weight": {"method": "rtn", "bits": 8}, "activation": {"bits": 8}}]})");
}

Recipe unusual() {
    WeightChoice weight;
    weight.method = "gptq";
    weight.scheme.grid = {3, GridConvention::SymmetricOffset, {}, RoundingMode::HalfAway};
    weight.scheme.grid.rule = {RangeRule::Kind::Mse, 99.5, 2.0, 50, 0.5};
    weight.scheme.granularity = Granularity::PerGroup;
    weight.scheme.groupSize = 64;
    weight.scheme.scaleAsFloat16 = true;
    weight.parameters = {{"actOrder", true}, {"damping", 0.01}, {"blockSize", 128}};
    ActivationChoice activation;
    activation.grid.rule = {RangeRule::Kind::Percentile, 99.999, 3.0, 7, 0.25};
    Recipe recipe = uniformRecipe("unusual \"name\" ü", weight, activation);
    recipe.seed = 18446744073709551615ull;
    recipe.rules.push_back({"layers\\.[0-3]\\..*", {}});
    recipe.rules.push_back({"", {std::nullopt, ActivationChoice{}}});
    return recipe;
}

/// The path and message of the error after a change to the minimal recipe.
std::string errorAfter(const std::string &pointer, const Json &value) {
    Json json = minimal();
    json[Json::json_pointer(pointer)] = value;
    const auto recipe = Recipe::fromJson(json);
    return recipe ? "" : recipe.error().text();
}

} // namespace

TEST(Recipe, RoundTripsThroughText) {
    const Recipe recipe = unusual();
    const std::string text = recipe.toJson().dump(2);
    const auto again = Recipe::fromJson(Json::parse(text));
    ASSERT_TRUE(again.has_value()) << again.error().text();
    EXPECT_EQ(*again, recipe);
    EXPECT_EQ(again->toJson().dump(2), text);
    EXPECT_TRUE(recipe.validate().has_value());
}

TEST(Recipe, LayerPatternsMatchWholeNamesInLinearTime) {
    EXPECT_TRUE(matchesLayerPattern("layers.10.fc", R"(layers\.\d+\.fc)"));
    EXPECT_FALSE(matchesLayerPattern("layers.10.fc1", R"(layers\.\d+\.fc)"));
    EXPECT_FALSE(matchesLayerPattern(std::string(200, 'a'), "(a+)+b")); // 2^200 steps by backtracking
}

TEST(Recipe, TextIsReadable) {
    const Recipe recipe = uniformRecipe("w8a8", {}, ActivationChoice{});
    EXPECT_EQ(recipe.toJson().dump(),
              R"({"quantoscope-recipe":1,"name":"w8a8","seed":0,"rules":[{"layers":".*",)"
              R"("weight":{"method":"rtn","bits":8,"convention":"asymmetric","rounding":"half_even",)"
              R"("range":{"rule":"minmax"},"granularity":"channel","scaleAsFloat16":false,"parameters":{}},)"
              R"("activation":{"bits":8,"convention":"asymmetric","rounding":"half_even",)"
              R"("range":{"rule":"minmax"}}}]})");
}

TEST(Recipe, SuggestedNameTellsWhatIsDone) {
    WeightChoice weights;
    weights.scheme.grid.bits = 4;
    weights.scheme.granularity = Granularity::PerGroup;
    weights.scheme.groupSize = 64;
    Recipe recipe = uniformRecipe({}, weights, {});
    EXPECT_EQ(recipe.name, "w4-rtn-g64");
    recipe.rules.push_back({"head", {}});
    EXPECT_EQ(suggestedName(recipe), "w4-rtn-g64-mixed");
    EXPECT_EQ(suggestedName(uniformRecipe("x", {}, ActivationChoice{})), "w8a8-rtn");
    EXPECT_EQ(suggestedName({}), "float");
}

TEST(Recipe, MissingKeysTakeDefaults) {
    const auto recipe = Recipe::fromJson(minimal());
    ASSERT_TRUE(recipe.has_value()) << recipe.error().text();
    EXPECT_EQ(recipe->rules[0].choice.weight->scheme.groupSize, 128);
    EXPECT_EQ(recipe->rules[1].choice.activation->grid.convention, GridConvention::Asymmetric);
    EXPECT_FALSE(recipe->rules[0].choice.activation.has_value());
}

TEST(Recipe, ErrorsNameThePath) {
    EXPECT_EQ(errorAfter("/rules/1/weight/bits", 9),
              "rules[1].weight.bits: is 9; allowed: whole numbers from 1 to 8");
    EXPECT_EQ(errorAfter("/rules/1/weight/bits", 4.0),
              "rules[1].weight.bits: is 4.0; allowed: whole numbers from 1 to 8");
    EXPECT_EQ(errorAfter("/rules/0/weight/bits", -1),
              "rules[0].weight.bits: is -1; allowed: whole numbers from 1 to 8");
    EXPECT_EQ(errorAfter("/rules/1/activation/bits", "8"),
              "rules[1].activation.bits: is \"8\"; allowed: whole numbers from 2 to 8");
    EXPECT_EQ(errorAfter("/rules/0/weight/granularity", "row"),
              "rules[0].weight.granularity: 'row' is no granularity; use tensor, channel or group");
    EXPECT_EQ(errorAfter("/rules/0/weight/range", Json{{"rule", "mse"}, {"norm", 9}}),
              "rules[0].weight.range.norm: is 9; allowed: 1 to 4");
    EXPECT_EQ(errorAfter("/rules/0/weight/parameters", Json::array()),
              "rules[0].weight.parameters: must be an object");
    EXPECT_EQ(errorAfter("/rules/0/weight/scaleAsFloat16", 1),
              "rules[0].weight.scaleAsFloat16: is 1; allowed: true or false");
    EXPECT_EQ(errorAfter("/rules/0/weight", 3), "rules[0].weight: must be an object");
    EXPECT_EQ(errorAfter("/rules/0/layers", 3), "rules[0].layers: is 3; must be a text");
    EXPECT_EQ(errorAfter("/rules/0", 3), "rules[0]: must be an object");
    EXPECT_EQ(errorAfter("/rules", 3), "rules: must be an array");
    EXPECT_EQ(errorAfter("/seed", -3), "seed: is -3; allowed: whole numbers from 0 to 18446744073709551615");
    EXPECT_THAT(errorAfter("/quantoscope-recipe", 2), testing::HasSubstr("quantoscope-recipe: is 2"));
    EXPECT_THAT(errorAfter("/rules/0/layers", "(a"),
                testing::StartsWith("rules[0].layers: '(a' is not a regular"));
}

TEST(Recipe, UnknownAndMissingKeysAreErrors) {
    EXPECT_EQ(
        errorAfter("/rules/0/weight/bit", 4),
        "rules[0].weight.bit: is unknown; known here: bits, branch, convention, correctBias, correctNorm, "
        "granularity, groupSize, method, parameters, range, rounding, scaleAsFloat16, tuneBias");
    EXPECT_THAT(errorAfter("/rules/1/activation/method", "rtn"), testing::HasSubstr("is unknown"));
    EXPECT_THAT(errorAfter("/extra", 1), testing::HasSubstr("extra: is unknown"));
    for (const char *pointer : {"/rules/0/weight/method", "/rules/0/weight/bits", "/rules/0/layers", "/rules",
                                "/quantoscope-recipe", "/rules/1/activation/bits"}) {
        const Json::json_pointer path(pointer);
        Json json = minimal();
        json[path.parent_pointer()].erase(path.back());
        const auto recipe = Recipe::fromJson(json);
        ASSERT_FALSE(recipe.has_value()) << pointer;
        EXPECT_EQ(recipe.error().message, "is missing");
    }
    EXPECT_FALSE(Recipe::fromJson(Json(3)).has_value());
    EXPECT_FALSE(Recipe::fromJson(Json()).has_value());
}

TEST(Recipe, LastMatchingRuleWins) {
    const Recipe recipe = Recipe::fromJson(minimal()).value();
    EXPECT_EQ(recipe.choiceFor("layers.0").weight->scheme.grid.bits, 4);
    EXPECT_EQ(recipe.choiceFor("head").weight->scheme.grid.bits, 8);
    EXPECT_EQ(recipe.choiceFor("head2").weight->scheme.grid.bits, 4); // full match
    EXPECT_EQ(unusual().choiceFor("layers.2.q"), LayerChoice{}); // an empty choice keeps a layer in float
    EXPECT_EQ(Recipe{}.choiceFor("any"), LayerChoice{});
}

TEST(Recipe, ValidateFindsWhatTheReaderWouldRefuse) {
    Recipe recipe = unusual();
    recipe.rules[1].layers = "[";
    EXPECT_EQ(recipe.validate().error().where, "rules[1].layers");
    recipe = unusual();
    recipe.rules[0].choice.weight->scheme.grid.bits = 0;
    EXPECT_EQ(recipe.validate().error().where, "rules[0].weight.bits");
    recipe = unusual();
    recipe.rules[0].choice.activation->grid.rule.percentile = std::nan("");
    EXPECT_EQ(recipe.validate().error().where, "rules[0].activation.range.percentile");
}

TEST(Recipe, HostilePatternsNeitherHangNorCrash) {
    Recipe recipe = unusual();
    recipe.rules[0].layers = "(a+)+b";
    ASSERT_TRUE(recipe.validate().has_value());
    EXPECT_EQ(recipe.choiceFor(std::string(5000, 'a')), LayerChoice{});
    for (const std::string &pattern :
         {std::string(100000, '('), std::string("(a)\\1"), std::string("a{999999999}")})
        EXPECT_FALSE(checkLayerPattern(pattern).has_value()) << pattern.substr(0, 20);
}

TEST(Recipe, StarterRecipesAreValid) {
    int found = 0;
    for (const auto &entry : std::filesystem::directory_iterator(QS_STARTER_RECIPES)) {
        std::ifstream file(entry.path());
        const auto recipe = Recipe::fromJson(Json::parse(file));
        ASSERT_TRUE(recipe.has_value()) << entry.path() << ": " << recipe.error().text();
        EXPECT_EQ(recipe->name, entry.path().stem().string());
        EXPECT_EQ(recipe->toJson().dump(), nlohmann::ordered_json::parse(std::ifstream(entry.path())).dump())
            << "write out all that " << entry.path() << " leaves to defaults";
        ++found;
    }
    EXPECT_GE(found, 8);
}

} // namespace qs
