#pragma once

#include "views/number_line/number_line_values.h"

#include <QAbstractTableModel>

namespace qs::views {

/// A row a format over the values; the one of the least error wears a star, sampled figures an "≈".
class FormatTableModel final : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column {
        Format,
        Bits,
        Sqnr,
        Mse,
        Clipped,
        ClippingError,
        UsedPoints,
        Range,
        Clip,
        Scale,
        ZeroPoint,
        ColumnCount
    };
    enum Role { CopyRole = Qt::UserRole };

    using QAbstractTableModel::QAbstractTableModel;
    void setTable(std::shared_ptr<const NumberLineTable> table);

    int rowCount(const QModelIndex &parent = {}) const override;
    int columnCount(const QModelIndex &parent = {}) const override;
    QVariant data(const QModelIndex &index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

private:
    QString text(const NumberLineRow &row, int column) const;

    std::shared_ptr<const NumberLineTable> m_table;
};

/// "INT4 symmetric (s2)", with what has to be said about it.
QString rowTitle(const NumberLineRow &row);

} // namespace qs::views
