#include "views/models/layer_tree_model.h"

#include "views/shared/format_text.h"

namespace qs::views {

struct LayerTreeModel::Node {
    QString name;
    LayerId layer = kNoLayer; ///< leaves only
    Node *parent = nullptr;
    int row = 0;
    QList<int> layers; ///< of the whole branch
    std::int64_t parameters = 0;
    std::vector<std::unique_ptr<Node>> children;

    Node *folder(const QString &childName) {
        for (const auto &child : children) {
            if (child->name == childName && child->layer == kNoLayer)
                return child.get();
        }
        return append(childName);
    }
    Node *append(const QString &childName) {
        children.push_back(std::make_unique<Node>());
        children.back()->name = childName;
        return children.back().get();
    }
};

LayerTreeModel::LayerTreeModel(QObject *parent)
    : QAbstractItemModel(parent), m_root(std::make_unique<Node>()) {}
LayerTreeModel::~LayerTreeModel() = default;

void LayerTreeModel::setModel(std::shared_ptr<const Model> model) {
    beginResetModel();
    m_model = std::move(model);
    m_root = std::make_unique<Node>();
    m_nodeOfLayer.assign(m_model ? m_model->layers.size() : 0, nullptr);
    if (m_model) {
        for (const Layer &layer : m_model->layers)
            add(layer);
    }
    joinSingleChildren(*m_root);
    finish(*m_root);
    endResetModel();
}

void LayerTreeModel::add(const Layer &layer) {
    const QStringList parts = QString::fromStdString(layer.name).split('.', Qt::SkipEmptyParts);
    Node *node = m_root.get();
    for (qsizetype i = 0; i + 1 < parts.size(); ++i)
        node = node->folder(parts[i]);
    node = node->append(parts.isEmpty() ? QString::fromStdString(layer.name) : parts.last());
    node->layer = layer.id;
    node->layers = {layer.id};
    node->parameters = layer.parameters();
    m_nodeOfLayer[static_cast<std::size_t>(layer.id)] = node;
}

void LayerTreeModel::joinSingleChildren(Node &node) {
    // A child takes the name of its folder and its place, so the address of a leaf, which m_nodeOfLayer
    // holds, stays.
    for (auto &child : node.children) {
        joinSingleChildren(*child);
        while (child->layer == kNoLayer && child->children.size() == 1) {
            auto only = std::move(child->children.front());
            only->name = child->name + '.' + only->name;
            child = std::move(only);
        }
    }
}

void LayerTreeModel::finish(Node &node) {
    for (std::size_t row = 0; row < node.children.size(); ++row) {
        Node &child = *node.children[row];
        child.parent = &node;
        child.row = static_cast<int>(row);
        finish(child);
        node.layers += child.layers;
        node.parameters += child.parameters;
    }
}

const LayerTreeModel::Node &LayerTreeModel::nodeOf(const QModelIndex &index) const {
    return index.isValid() ? *static_cast<const Node *>(index.internalPointer()) : *m_root;
}

QModelIndex LayerTreeModel::indexOfLayer(LayerId layer) const {
    if (layer < 0 || static_cast<std::size_t>(layer) >= m_nodeOfLayer.size())
        return {};
    Node *node = m_nodeOfLayer[static_cast<std::size_t>(layer)];
    return createIndex(node->row, 0, node);
}

QModelIndex LayerTreeModel::index(int row, int column, const QModelIndex &parent) const {
    if (!hasIndex(row, column, parent))
        return {};
    return createIndex(row, column, nodeOf(parent).children[static_cast<std::size_t>(row)].get());
}

QModelIndex LayerTreeModel::parent(const QModelIndex &child) const {
    if (!child.isValid())
        return {};
    Node *parentNode = nodeOf(child).parent;
    return parentNode == m_root.get() ? QModelIndex() : createIndex(parentNode->row, 0, parentNode);
}

int LayerTreeModel::rowCount(const QModelIndex &parent) const {
    return parent.column() > 0 ? 0 : static_cast<int>(nodeOf(parent).children.size());
}

int LayerTreeModel::columnCount(const QModelIndex &) const {
    return ColumnCount;
}

QVariant LayerTreeModel::data(const QModelIndex &index, int role) const {
    if (!index.isValid())
        return {};
    const Node &node = nodeOf(index);
    switch (role) {
    case Qt::DisplayRole:
        switch (index.column()) {
        case NameColumn:
            return node.name;
        case ParametersColumn:
            return formatCountShort(node.parameters);
        default:
            return {};
        }
    case Qt::ToolTipRole:
        return node.layer == kNoLayer
                   ? tr("%1 layers, %2 parameters").arg(node.layers.size()).arg(formatCount(node.parameters))
                   : tr("%1: %2 parameters")
                         .arg(QString::fromStdString(
                                  m_model->layers[static_cast<std::size_t>(node.layer)].name),
                              formatCount(node.parameters));
    case Qt::TextAlignmentRole:
        return QVariant(Qt::AlignVCenter | (index.column() == NameColumn ? Qt::AlignLeft : Qt::AlignRight));
    case LayerIdsRole:
        return QVariant::fromValue(node.layers);
    default:
        return {};
    }
}

QVariant LayerTreeModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || section < 0 || section >= ColumnCount)
        return {};
    if (role == Qt::TextAlignmentRole)
        return QVariant(Qt::AlignVCenter | (section == NameColumn ? Qt::AlignLeft : Qt::AlignRight));
    if (role == Qt::ToolTipRole)
        return section == ParametersColumn ? tr("Weights of the layers below") : QVariant();
    if (role != Qt::DisplayRole)
        return {};
    const char *titles[] = {"Layers", "Params"};
    return tr(titles[section]);
}

} // namespace qs::views
