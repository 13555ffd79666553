#pragma once

#include "views/models/layer_tree_model.h"
#include "views/shared/view_dock.h"

class QLabel;
class QTreeView;

namespace qs::views {

/// The model as a tree of layers with parameter sums; a folder selects all its layers.
class ModelTreeDock final : public ViewDock {
    Q_OBJECT
public:
    explicit ModelTreeDock(WorkbenchContext &context, QWidget *parent = nullptr);

protected:
    void modelChanged() override;
    void selectionChanged() override;

private:
    void selectInContext();

    LayerTreeModel *m_treeModel = nullptr;
    QTreeView *m_tree = nullptr;
    QLabel *m_summary = nullptr;
    bool m_following = false; ///< the tree takes over the selection of the context
};

} // namespace qs::views
