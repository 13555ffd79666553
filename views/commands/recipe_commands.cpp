#include "views/commands/recipe_commands.h"

#include "views/commands/layer_patterns.h"
#include "views/shared/workbench_context.h"

namespace qs::views {

void followName(const Recipe &before, Recipe &after) {
    if (after.name == before.name && before.name == suggestedName(before))
        after.name = suggestedName(after);
}

ChangeRecipeCommand::ChangeRecipeCommand(WorkbenchContext &context, Recipe after, const QString &text,
                                         QString mergeKey)
    : QUndoCommand(text), m_context(&context), m_before(context.recipe()), m_after(std::move(after)),
      m_mergeKey(std::move(mergeKey)) {
    followName(m_before, m_after);
}

void ChangeRecipeCommand::undo() {
    if (m_context)
        m_context->setRecipe(m_before);
}

void ChangeRecipeCommand::redo() {
    if (m_context)
        m_context->setRecipe(m_after);
}

bool ChangeRecipeCommand::mergeWith(const QUndoCommand *other) {
    const auto *next = dynamic_cast<const ChangeRecipeCommand *>(other);
    if (next == nullptr || next->m_mergeKey != m_mergeKey)
        return false;
    m_after = next->m_after;
    setObsolete(m_after == m_before);
    return true;
}

Recipe withChoiceFor(const std::set<LayerId> &layers, const Model &model, Recipe recipe,
                     const LayerChoice &choice) {
    for (const std::string &pattern : patternsForLayers(layers, model)) {
        if (recipe.rules.empty() || recipe.rules.back().layers != pattern)
            recipe.rules.push_back({pattern, choice});
        else
            recipe.rules.back().choice = choice;
    }
    return recipe;
}

} // namespace qs::views
