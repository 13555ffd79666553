#include "core/quant/method_chain.h"

#include "tests/support/fake_methods.h"

#include <gmock/gmock.h>

namespace qs {
namespace {

using testing::HasSubstr;

std::shared_ptr<const MethodRegistry> methods() {
    auto registry = std::make_shared<MethodRegistry>();
    EXPECT_TRUE(registry->add(makeRtnQuantizer()));
    EXPECT_TRUE(registry->add(std::make_shared<FakeBranch>("split")));
    EXPECT_TRUE(registry->add(std::make_shared<FakeTransform>("smooth")));
    EXPECT_TRUE(registry->add(std::make_shared<FakeTransform>("rotate")));
    return registry;
}

TEST(MethodChain, PutsEveryKindInItsPlace) {
    WeightGridScheme scheme;
    scheme.grid.bits = 3;
    const auto recipe = chainRecipe("smooth+rotate+rtn+split+bias-correction+norm-correction+bias-tuning",
                                    scheme, ActivationChoice{}, *methods());
    ASSERT_TRUE(recipe) << recipe.error().text();
    ASSERT_EQ(recipe->transforms.size(), 2u);
    EXPECT_EQ(recipe->transforms[0].method.method, "smooth");
    EXPECT_EQ(recipe->transforms[1].method.method, "rotate");
    const WeightChoice &weight = *recipe->rules.front().choice.weight;
    EXPECT_EQ(weight.method, "rtn");
    EXPECT_EQ(weight.scheme, scheme);
    ASSERT_TRUE(weight.branch);
    EXPECT_EQ(weight.branch->method, "split");
    EXPECT_EQ(weight.corrections, (std::set{Correction::Bias, Correction::Norm, Correction::Tuning}));
    EXPECT_TRUE(recipe->rules.front().choice.activation);
    EXPECT_EQ(recipe->name, suggestedName(*recipe));
    EXPECT_TRUE(recipe->validate());
}

TEST(MethodChain, QuantizerIsRtnWhenNoneIsNamed) {
    const auto recipe = chainRecipe("smooth", {}, {}, *methods());
    ASSERT_TRUE(recipe);
    EXPECT_EQ(recipe->rules.front().choice.weight->method, "rtn");
}

TEST(MethodChain, NamesWhatIsWrong) {
    const auto refusal = [&](const std::string &chain) {
        const auto recipe = chainRecipe(chain, {}, {}, *methods());
        return recipe ? std::string("accepted") : recipe.error().text();
    };
    EXPECT_EQ(refusal("rtn"), "accepted");
    EXPECT_THAT(refusal("rtn+nonsense"),
                testing::AllOf(HasSubstr("rtn+nonsense"), HasSubstr("'nonsense'"),
                               HasSubstr("quantizer: rtn"), HasSubstr("branch: split"),
                               HasSubstr("transform: smooth, rotate")));
    EXPECT_THAT(refusal("rtn+"), HasSubstr("no method ''"));
    EXPECT_THAT(refusal(""), HasSubstr("no method ''"));
    EXPECT_THAT(refusal("rtn+rtn"), HasSubstr("same step"));
    EXPECT_THAT(refusal("split+split"), HasSubstr("same step"));
}

TEST(WithMethod, ChangesOnlyItsOwnPart) {
    const auto registry = methods();
    WeightChoice weight;
    weight.method = "other";
    weight.scheme.grid.bits = 3;
    weight.parameters = {{"damp", 1}};
    Recipe recipe = uniformRecipe("mine", weight, ActivationChoice{});
    recipe.rules.push_back({"head", {}}); // stays in float
    const Recipe quantizer = withMethod(recipe, *registry->info("rtn"));
    EXPECT_EQ(quantizer.rules[0].choice.weight->method, "rtn");
    EXPECT_EQ(quantizer.rules[0].choice.weight->scheme.grid.bits, 3);
    EXPECT_TRUE(quantizer.rules[0].choice.weight->parameters.empty()) << "they belong to the other method";
    EXPECT_TRUE(quantizer.rules[0].choice.activation);
    EXPECT_FALSE(quantizer.rules[1].choice.weight);
    const Recipe branch = withMethod(recipe, *registry->info("split"));
    EXPECT_EQ(branch.rules[0].choice.weight->method, "other");
    EXPECT_EQ(branch.rules[0].choice.weight->branch->method, "split");
    const Recipe transform = withMethod(recipe, *registry->info("smooth"));
    ASSERT_EQ(transform.transforms.size(), 1u);
    EXPECT_EQ(transform.rules, recipe.rules);
}

TEST(WithMethod, EmptyRecipeGetsARuleForAllLayers) {
    const Recipe recipe = withMethod({}, *methods()->info("rtn"));
    ASSERT_EQ(recipe.rules.size(), 1u);
    EXPECT_EQ(recipe.rules[0].layers, ".*");
    EXPECT_EQ(recipe.rules[0].choice.weight->method, "rtn");
}

} // namespace
} // namespace qs
