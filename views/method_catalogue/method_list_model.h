#pragma once

#include "core/quant/method_registry.h"

#include <QAbstractTableModel>

namespace qs::views {

/// Every method of the program, a row each.
class MethodListModel final : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column {
        NameColumn,
        KindColumn,
        StatusColumn,
        ChangesColumn,
        PrincipleColumn,
        ScopeColumn,
        ColumnCount
    };

    explicit MethodListModel(std::shared_ptr<const MethodRegistry> methods, QObject *parent = nullptr);
    const MethodInfo &info(int row) const { return *m_infos[static_cast<std::size_t>(row)]; }
    /// -1 when there is none of that id.
    int rowOf(const std::string &id) const;

    int rowCount(const QModelIndex &parent = {}) const override;
    int columnCount(const QModelIndex &parent = {}) const override;
    QVariant data(const QModelIndex &index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

private:
    std::shared_ptr<const MethodRegistry> m_methods;
    std::vector<const MethodInfo *> m_infos;
};

/// "✓ reference-checked": a sign and words, never colour alone.
QString statusBadge(MethodStatus status);

} // namespace qs::views
