#include "tests/views/named_layers.h"
#include "views/commands/layer_patterns.h"
#include "views/commands/recipe_commands.h"
#include "views/shared/workbench_context.h"

namespace qs::views {
namespace {

Recipe named(const std::string &name) {
    return uniformRecipe(name, {}, {});
}

class RecipeCommands : public ::testing::Test {
protected:
    void push(const Recipe &recipe, const QString &key = {}) {
        m_context.undoStack().push(new ChangeRecipeCommand(m_context, recipe, "change", key));
    }
    WorkbenchContext m_context{std::make_shared<MethodRegistry>()};
};

TEST_F(RecipeCommands, UndoAndRedoWalkThroughChanges) {
    const Recipe first = m_context.recipe();
    push(named("a"));
    push(named("b"));
    EXPECT_EQ(m_context.recipe().name, "b");
    m_context.undoStack().undo();
    EXPECT_EQ(m_context.recipe().name, "a");
    m_context.undoStack().undo();
    EXPECT_EQ(m_context.recipe(), first);
    m_context.undoStack().redo();
    m_context.undoStack().redo();
    EXPECT_EQ(m_context.recipe().name, "b");
}

TEST_F(RecipeCommands, NameFollowsTheRulesUntilTheUserChoosesOne) {
    Recipe recipe = m_context.recipe();
    recipe.rules.front().choice.weight->scheme.grid.bits = 4;
    recipe.rules.front().choice.weight->method = "gptq";
    push(recipe);
    EXPECT_EQ(m_context.recipe().name, "w4a8-gptq");
    recipe = m_context.recipe();
    recipe.name = "mine";
    push(recipe);
    recipe.rules.front().choice.weight->scheme.grid.bits = 3;
    push(recipe);
    EXPECT_EQ(m_context.recipe().name, "mine");
}

TEST_F(RecipeCommands, TypingInOneFieldIsOneStep) {
    const Recipe first = m_context.recipe();
    for (const char *text : {"w", "w4", "w4 fast"})
        push(named(text), "name");
    push(named("other"), "rule 0 bits");
    EXPECT_EQ(m_context.undoStack().count(), 2);
    m_context.undoStack().undo();
    EXPECT_EQ(m_context.recipe().name, "w4 fast");
    m_context.undoStack().undo();
    EXPECT_EQ(m_context.recipe(), first);
}

TEST_F(RecipeCommands, TypingBackToTheStartLeavesNothingToUndo) {
    const Recipe first = m_context.recipe();
    push(named("x"), "name");
    push(first, "name");
    EXPECT_EQ(m_context.recipe(), first);
    EXPECT_FALSE(m_context.undoStack().canUndo());
}

TEST_F(RecipeCommands, RecipeChangedIsTold) {
    int changes = 0;
    QObject::connect(&m_context, &WorkbenchContext::recipeChanged, [&] { ++changes; });
    push(named("a"));
    m_context.undoStack().undo();
    EXPECT_EQ(changes, 2);
}

TEST_F(RecipeCommands, ChoosingAgainForASelectionReplacesItsRule) {
    const auto model = modelWithLayers({"a.q", "a.k", "b.q"});
    LayerChoice four, two;
    four.weight.emplace().scheme.grid.bits = 4;
    two.weight.emplace().scheme.grid.bits = 2;
    Recipe recipe = withChoiceFor({0, 1}, *model, named("n"), four);
    ASSERT_EQ(recipe.rules.size(), 2U);
    recipe = withChoiceFor({0, 1}, *model, recipe, two);
    ASSERT_EQ(recipe.rules.size(), 2U);
    EXPECT_EQ(recipe.choiceFor("a.k"), two);
    EXPECT_EQ(recipe.choiceFor("b.q"), named("n").choiceFor("b.q"));
}

/// Which layers the patterns match, by the recipe's own matcher.
std::set<LayerId> matched(const std::vector<std::string> &patterns, const Model &model) {
    Recipe recipe;
    LayerChoice choice;
    choice.weight.emplace();
    for (const std::string &pattern : patterns)
        recipe.rules.push_back({pattern, choice});
    EXPECT_TRUE(recipe.validate().has_value());
    std::set<LayerId> layers;
    for (const Layer &layer : model.layers) {
        if (recipe.choiceFor(layer.name).weight)
            layers.insert(layer.id);
    }
    return layers;
}

TEST(LayerPatterns, AreShortWhereThatIsExact) {
    const auto model = modelWithLayers({"m.0.q", "m.0.k", "m.1.q", "m.1.k", "head"});
    EXPECT_EQ(patternsForLayers({0, 1, 2, 3, 4}, *model), std::vector<std::string>{".*"});
    EXPECT_EQ(patternsForLayers({0, 1}, *model), std::vector<std::string>{R"(m\.0\..*)"});
    EXPECT_EQ(patternsForLayers({0, 2}, *model), std::vector<std::string>{R"(.*\.q)"});
    EXPECT_EQ(patternsForLayers({0, 3}, *model), std::vector<std::string>{R"(m\.0\.q|m\.1\.k)"});
    EXPECT_EQ(patternsForLayers({}, *model), std::vector<std::string>{});
}

TEST(LayerPatterns, MatchExactlyTheSelectionWhateverTheNames) {
    const auto model = modelWithLayers({"a(b)*.c+", "a.b", "a|b", "x{2}[y]^$", "back\\slash", "a.bb", "q?"});
    for (int mask = 1; mask < 128; ++mask) {
        std::set<LayerId> layers;
        for (int layer = 0; layer < 7; ++layer) {
            if ((mask >> layer & 1) != 0)
                layers.insert(layer);
        }
        EXPECT_EQ(matched(patternsForLayers(layers, *model), *model), layers);
    }
}

TEST(LayerPatterns, LongSelectionsAreCutIntoPatternsThatRecipesAllow) {
    std::vector<std::string> names;
    std::set<LayerId> layers;
    for (int i = 0; i < 200; ++i) {
        names.push_back("a.rather.long.name.of.layer." + std::to_string(i) + (i % 2 == 0 ? ".x" : ".y"));
        if (i % 4 == 0 || i % 4 == 3)
            layers.insert(i);
    }
    const auto model = modelWithLayers(names);
    const auto patterns = patternsForLayers(layers, *model);
    EXPECT_GT(patterns.size(), 1U);
    EXPECT_EQ(matched(patterns, *model), layers);
}

} // namespace
} // namespace qs::views
