#pragma once

#include "core/graph/model.h"

#include <QAbstractItemModel>

namespace qs::views {

/// The layers as a tree by the dots in their names; folders with a single child are joined with it
/// ("blocks.0").
class LayerTreeModel final : public QAbstractItemModel {
    Q_OBJECT
public:
    enum Column { NameColumn, ParametersColumn, ColumnCount };
    enum Role { SortRole = Qt::UserRole, LayerIdsRole }; ///< LayerIdsRole: QList<int>, all layers below

    explicit LayerTreeModel(QObject *parent = nullptr);
    ~LayerTreeModel() override;
    void setModel(std::shared_ptr<const Model> model);
    QModelIndex indexOfLayer(LayerId layer) const;

    QModelIndex index(int row, int column, const QModelIndex &parent = {}) const override;
    QModelIndex parent(const QModelIndex &child) const override;
    int rowCount(const QModelIndex &parent = {}) const override;
    int columnCount(const QModelIndex &parent = {}) const override;
    QVariant data(const QModelIndex &index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

private:
    struct Node;
    const Node &nodeOf(const QModelIndex &index) const;
    void add(const Layer &layer);
    static void joinSingleChildren(Node &node);
    static void finish(Node &node);

    std::shared_ptr<const Model> m_model;
    std::unique_ptr<Node> m_root;
    std::vector<Node *> m_nodeOfLayer; ///< by LayerId
};

} // namespace qs::views
