#pragma once

#include "core/quant/recipe.h"

#include <QPointer>
#include <QUndoCommand>

namespace qs::views {

class WorkbenchContext;

/// Replaces the recipe of the context. Commands with the same key that follow each other (typing in one
/// field) become one step of undo; an empty key never merges.
class ChangeRecipeCommand : public QUndoCommand {
public:
    ChangeRecipeCommand(WorkbenchContext &context, Recipe after, const QString &text, QString mergeKey = {});

    void undo() override;
    void redo() override;
    int id() const override { return m_mergeKey.isEmpty() ? -1 : 1; }
    bool mergeWith(const QUndoCommand *other) override;

private:
    QPointer<WorkbenchContext> m_context;
    Recipe m_before, m_after;
    QString m_mergeKey;
};

/// A pattern that matches exactly these layer names.
std::string patternForLayers(const std::vector<std::string> &names);

/// The recipe with one more rule at its end, or with that rule's choice replaced when it has this very
/// pattern.
Recipe withRule(Recipe recipe, const std::string &pattern, const LayerChoice &choice);

} // namespace qs::views
