#pragma once

#include "core/graph/model.h"
#include "core/quant/recipe.h"

#include <QPointer>
#include <QUndoCommand>
#include <set>

namespace qs::views {

class WorkbenchContext;

/// A name that nobody chose (it is the suggested one, and stayed) follows what the recipe does.
void followName(const Recipe &before, Recipe &after);

/// Replaces the recipe of the context; see followName() for its name. Commands with the same key that follow
/// each other (typing in one field) become one step of undo; an empty key never merges.
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

/// The recipe with rules at its end that give these layers the choice. A rule at the very end with the same
/// pattern is replaced: choosing again for the same selection does not pile up rules.
Recipe withChoiceFor(const std::set<LayerId> &layers, const Model &model, Recipe recipe,
                     const LayerChoice &choice);

} // namespace qs::views
