#pragma once

#include "core/hardware/roofline_study.h"

#include <QAbstractTableModel>
#include <memory>

namespace qs::views {

/// What a pointer over an operator shows: every number with unit and formula.
QString operatorToolTip(const Roofline &line, const OperatorCost &cost);

/// The operators of one precision as a table.
class OperatorModel final : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column {
        Name,
        Kind,
        Repeats,
        RoofType,
        Operations,
        Bytes,
        Intensity,
        Time,
        Share,
        BoundBy,
        ColumnCount
    };
    enum Role { SortRole = Qt::UserRole };
    using QAbstractTableModel::QAbstractTableModel;

    void setStudy(std::shared_ptr<const RooflineStudy> study, int precision);
    const OperatorCost &cost(int row) const { return line().operators[static_cast<std::size_t>(row)]; }
    int rowOf(const std::string &name) const; ///< -1 when absent

    int rowCount(const QModelIndex &parent = {}) const override;
    int columnCount(const QModelIndex &parent = {}) const override;
    QVariant data(const QModelIndex &index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

private:
    const Roofline &line() const { return m_study->precisions[static_cast<std::size_t>(m_precision)].line; }
    QString text(const OperatorCost &cost, int column) const;
    QVariant sortValue(const OperatorCost &cost, int column) const;

    std::shared_ptr<const RooflineStudy> m_study;
    int m_precision = 0;
};

} // namespace qs::views
