#include "views/model_tree/model_tree_dock.h"

#include "core/graph/weights_only.h"
#include "views/model_tree/metadata_dialog.h"
#include "views/shared/find_bar.h"
#include "views/shared/format_text.h"
#include "views/shared/table_tools.h"

#include <QHeaderView>
#include <QLabel>
#include <QScopedValueRollback>
#include <QTreeView>
#include <QVBoxLayout>

namespace qs::views {
namespace {

/// "image float32 [batch, 3, 32, 32]".
QString describeValue(const Value &value) {
    QStringList dims;
    for (int axis = 0; axis < value.shape.rank(); ++axis) {
        const auto index = static_cast<std::size_t>(axis);
        const bool named = index < value.dimNames.size() && !value.dimNames[index].empty();
        dims << (named                   ? QString::fromStdString(value.dimNames[index])
                 : value.shape[axis] < 0 ? QStringLiteral("?")
                                         : QString::number(value.shape[axis]));
    }
    const QString name = QString::fromStdString(value.name).toHtmlEscaped();
    const std::string_view type = dtypeName(value.dtype);
    return QStringLiteral("<b>%1</b> %2 [%3]")
        .arg(name, QLatin1StringView(type.data(), static_cast<qsizetype>(type.size())),
             dims.join(QStringLiteral(", ")).toHtmlEscaped());
}

QString describeValues(const ModelGraph &graph, const std::vector<ValueId> &ids) {
    QStringList texts;
    for (const ValueId id : ids)
        texts << describeValue(graph.value(id));
    return texts.join(QStringLiteral("<br>"));
}

/// A link to the dialog; empty where the file says nothing about itself.
QString metadataLink(const Model &model) {
    return model.metadata.empty() ? QString()
                                  : ModelTreeDock::tr("<br><a href=\"metadata\">%1 metadata entries …</a>")
                                        .arg(model.metadata.size());
}

QString summaryText(const Model &model) {
    const ModelGraph &graph = model.graph;
    const QString format = QString::fromStdString(model.format).toHtmlEscaped();
    const QString sizes = ModelTreeDock::tr("%1 layers · %2 parameters")
                              .arg(model.layers.size())
                              .arg(formatCountShort(graph.parameterCount()));
    if (isWeightsOnly(graph))
        return ModelTreeDock::tr("%1 · weights without a graph<br>%2").arg(format, sizes);
    return ModelTreeDock::tr("%1 opset %2 · %3 nodes · %4<br>%5<br>%6<br>→ %7")
        .arg(format)
        .arg(graph.opset())
        .arg(graph.nodes().size())
        .arg(QString::fromStdString(graph.producer()).toHtmlEscaped(), sizes,
             describeValues(graph, graph.inputs()), describeValues(graph, graph.outputs()));
}

} // namespace

ModelTreeDock::ModelTreeDock(WorkbenchContext &context, QWidget *parent)
    : ViewDock(QStringLiteral("model_tree"), tr("Model"), context, parent),
      m_treeModel(new LayerTreeModel(this)), m_tree(new QTreeView), m_summary(new QLabel) {
    m_tree->setModel(m_treeModel);
    m_tree->setUniformRowHeights(true);
    m_tree->setIndentation(14);
    m_tree->setSelectionMode(QAbstractItemView::ExtendedSelection);
    m_tree->setAllColumnsShowFocus(true);
    m_tree->setFrameShape(QFrame::NoFrame);
    m_tree->header()->setStretchLastSection(false);
    m_tree->header()->setMinimumSectionSize(40);
    m_tree->header()->setSectionResizeMode(LayerTreeModel::NameColumn, QHeaderView::Stretch);
    m_tree->header()->setSectionResizeMode(LayerTreeModel::ParametersColumn, QHeaderView::ResizeToContents);
    m_tree->setTextElideMode(Qt::ElideMiddle);
    m_summary->setTextFormat(Qt::RichText);
    m_summary->setWordWrap(true);
    m_summary->setMargin(6);
    m_summary->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::LinksAccessibleByMouse |
                                       Qt::LinksAccessibleByKeyboard);
    connect(m_summary, &QLabel::linkActivated, this, [this] {
        if (const auto model = this->context().model())
            (new MetadataDialog(*model, this))->show();
    });

    auto *content = new QWidget;
    auto *layout = new QVBoxLayout(content);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(m_summary);
    m_tree->setContextMenuPolicy(Qt::ActionsContextMenu);
    addCopyActions(*m_tree, Qt::DisplayRole);
    layout->addWidget(withFindBar(*m_tree));
    setContent(content);
    connect(m_tree->selectionModel(), &QItemSelectionModel::selectionChanged, this,
            &ModelTreeDock::selectInContext);
}

void ModelTreeDock::modelChanged() {
    const QScopedValueRollback following(m_following, true);
    const auto model = context().model();
    m_treeModel->setModel(model);
    if (!model)
        return showEmptyState(tr("No model is open.\n\nDrop a model file or the folder of a Hugging Face "
                                 "model on the window, or use "
                                 "File > Open (Ctrl+O)."));
    m_summary->setText(summaryText(*model) + metadataLink(*model));
    // Small trees open whole; large ones down to the blocks, which is what people look for first.
    if (model->layers.size() <= 60)
        m_tree->expandAll();
    else
        m_tree->expandToDepth(0);
    showEmptyState(model->layers.empty() ? tr("This model has no layer with a constant weight.") : QString());
}

void ModelTreeDock::selectionChanged() {
    const QScopedValueRollback following(m_following, true);
    const Selection &selection = context().selection();
    QItemSelection items;
    for (const LayerId layer : selection.layers) {
        if (const QModelIndex index = m_treeModel->indexOfLayer(layer); index.isValid())
            items.select(index, index);
    }
    using Flag = QItemSelectionModel;
    m_tree->selectionModel()->select(items, Flag::ClearAndSelect | Flag::Rows);
    if (const QModelIndex current = m_treeModel->indexOfLayer(selection.layer); current.isValid()) {
        m_tree->selectionModel()->setCurrentIndex(current, Flag::NoUpdate);
        m_tree->scrollTo(current);
    }
}

void ModelTreeDock::selectInContext() {
    if (m_following)
        return;
    Selection selection;
    for (const QModelIndex &index : m_tree->selectionModel()->selectedRows()) {
        const auto layers = index.data(LayerTreeModel::LayerIdsRole).value<QList<int>>();
        selection.layers.insert(layers.begin(), layers.end());
    }
    if (selection.layers.empty())
        return;
    const auto current = m_tree->currentIndex().data(LayerTreeModel::LayerIdsRole).value<QList<int>>();
    selection.layer = !current.isEmpty() && selection.layers.count(current.front()) > 0
                          ? current.front()
                          : *selection.layers.begin();
    // Our own selection stays as it is: a folder is marked, not its leaves.
    const QScopedValueRollback following(m_following, true);
    context().select(selection);
}

} // namespace qs::views
