#pragma once

#include "views/shared/workbench_context.h"

#include <QWidget>

class QComboBox;
class QVBoxLayout;

namespace qs::views {

/// A page of the method bench: what the ticked runs have in common, seen one way. Only the page that is seen
/// is refreshed.
class BenchPage : public QWidget {
    Q_OBJECT
public:
    explicit BenchPage(WorkbenchContext &context) : m_context(context) {}
    /// Shows runs and selected layer as they are now.
    virtual void refresh() = 0;

protected:
    WorkbenchContext &context() const { return m_context; }
    /// The selected layer of the open model; null when there is none.
    const Layer *selectedLayer() const;
    /// Whether model, selected layer or ticked runs are others than at the last call.
    bool takeNews();
    /// A layout without gaps.
    QVBoxLayout *makeColumn();
    /// Adds a labelled choice above the content.
    void addChoice(QVBoxLayout &column, const QString &label, QComboBox &choice);

private:
    WorkbenchContext &m_context;
    std::shared_ptr<const Model> m_seenModel;
    LayerId m_seenLayer = kNoLayer;
    std::vector<std::shared_ptr<const Run>> m_seenRuns;
};

} // namespace qs::views
