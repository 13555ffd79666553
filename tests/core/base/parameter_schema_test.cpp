#include "core/base/parameter_schema.h"

namespace qs {
namespace {

const char *kSchema = R"({"type": "object", "properties": {
    "damp": {"type": "number", "default": 0.01, "minimum": 0.0001, "maximum": 1},
    "act_order": {"type": "boolean", "default": false},
    "block": {"type": "integer", "default": 128, "minimum": 1, "maximum": 4096},
    "order": {"type": "string", "enum": ["natural", "diag"], "default": "natural"}}})";

TEST(ParameterSchema, KeepsTheOrderOfTheAuthor) {
    const auto schema = ParameterSchema::parse(kSchema);
    ASSERT_TRUE(schema);
    std::vector<std::string> names;
    for (const Parameter &parameter : schema->parameters())
        names.push_back(parameter.name);
    EXPECT_THAT(names, testing::ElementsAre("damp", "act_order", "block", "order"));
}

TEST(ParameterSchema, FillsInDefaults) {
    const auto schema = ParameterSchema::parse(kSchema);
    const auto completed = schema->complete({{"block", 16}});
    ASSERT_TRUE(completed);
    EXPECT_EQ(completed->at("block"), 16);
    EXPECT_EQ(completed->at("damp"), 0.01);
}

TEST(ParameterSchema, RefusalNamesParameterAndLimits) {
    const auto schema = ParameterSchema::parse(kSchema);
    EXPECT_THAT(schema->complete({{"damp", 7}}).error().message, testing::HasSubstr("'damp' is 7"));
    EXPECT_THAT(schema->complete({{"block", 1.5}}).error().message, testing::HasSubstr("whole number"));
    EXPECT_THAT(schema->complete({{"order", "up"}}).error().message, testing::HasSubstr("natural, diag"));
    EXPECT_THAT(schema->complete({{"typo", 1}}).error().message, testing::HasSubstr("no parameter 'typo'"));
    EXPECT_FALSE(schema->complete(nlohmann::json::array()));
}

TEST(ParameterSchema, RefusesWhatItCannotCheck) {
    EXPECT_FALSE(ParameterSchema::parse("{"));
    EXPECT_FALSE(ParameterSchema::parse(R"({"properties": {"x": {"type": "number"}}})"));
    EXPECT_FALSE(ParameterSchema::parse(R"({"properties": {"x": {"type": "object", "default": {}}}})"));
    EXPECT_FALSE(ParameterSchema::parse(
        R"({"properties": {"x": {"type": "number", "default": 9, "minimum": 0, "maximum": 1}}})"));
}

} // namespace
} // namespace qs
