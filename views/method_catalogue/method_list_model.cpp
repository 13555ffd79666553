#include "views/method_catalogue/method_list_model.h"

#include "core/quant/method_taxonomy.h"

namespace qs::views {
namespace {

QString text(std::string_view view) {
    return QString::fromUtf8(view.data(), static_cast<qsizetype>(view.size()));
}

QString joined(const std::vector<std::string> &texts) {
    QStringList list;
    for (const std::string &part : texts)
        list << QString::fromStdString(part);
    return list.join(QStringLiteral(", "));
}

QString cellText(const MethodInfo &info, int column) {
    switch (column) {
    case MethodListModel::NameColumn:
        return QString::fromStdString(info.name);
    case MethodListModel::KindColumn:
        return text(methodKindName(info.kind));
    case MethodListModel::StatusColumn:
        return statusBadge(info.status);
    case MethodListModel::ChangesColumn:
        return joined(taxonomyOf(info.tags).changes);
    case MethodListModel::PrincipleColumn:
        return joined(taxonomyOf(info.tags).principles);
    case MethodListModel::ScopeColumn:
        return joined(taxonomyOf(info.tags).scopes);
    default:
        return {};
    }
}

} // namespace

QString statusBadge(MethodStatus status) {
    const char16_t sign = status == MethodStatus::ReferenceChecked ? u'✓'
                          : status == MethodStatus::PaperFormula   ? u'∑'
                                                                   : u'△';
    return QString(QChar(sign)) + ' ' + text(methodStatusName(status));
}

MethodListModel::MethodListModel(std::shared_ptr<const MethodRegistry> methods, QObject *parent)
    : QAbstractTableModel(parent), m_methods(std::move(methods)), m_infos(m_methods->infos()) {}

int MethodListModel::rowOf(const std::string &id) const {
    const auto found =
        std::find_if(m_infos.begin(), m_infos.end(), [&](const MethodInfo *info) { return info->id == id; });
    return found == m_infos.end() ? -1 : static_cast<int>(found - m_infos.begin());
}

int MethodListModel::rowCount(const QModelIndex &parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_infos.size());
}

int MethodListModel::columnCount(const QModelIndex &parent) const {
    return parent.isValid() ? 0 : ColumnCount;
}

QVariant MethodListModel::data(const QModelIndex &index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid))
        return {};
    if (role == Qt::DisplayRole)
        return cellText(info(index.row()), index.column());
    if (role == Qt::ToolTipRole)
        return QString::fromStdString(info(index.row()).id + ": " + info(index.row()).summary);
    return {};
}

QVariant MethodListModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || section < 0 || section >= ColumnCount)
        return {};
    const QString names[] = {tr("Method"),  tr("Kind"),      tr("Status"),
                             tr("Changes"), tr("Principle"), tr("Scope")};
    const QString toolTips[] = {tr("Name of the method; recipes call it by its id"),
                                tr("Its place in a chain: transforms, then a quantizer, a branch around it"),
                                tr("How sure it is that the method is what its paper says"),
                                tr("What the method changes"),
                                tr("By what idea"),
                                tr("Whether activations are quantized, too")};
    if (role == Qt::DisplayRole)
        return names[section];
    return role == Qt::ToolTipRole ? QVariant(toolTips[section]) : QVariant();
}

} // namespace qs::views
