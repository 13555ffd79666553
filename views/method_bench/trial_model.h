#pragma once

#include "core/session/run.h"

#include <QAbstractTableModel>

namespace qs::views {

/// One layer as several runs made it: a row a run, a column a figure; the best of a column wears a star. The
/// last row is the trial, marked as such.
class TrialModel final : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Role { CopyRole = Qt::UserRole };
    struct Row {
        QString title;
        std::shared_ptr<const LayerResult> result; ///< null: not there
        bool isTrial = false;
    };

    using QAbstractTableModel::QAbstractTableModel;
    void setRows(std::vector<Row> rows);

    int rowCount(const QModelIndex &parent = {}) const override;
    int columnCount(const QModelIndex &parent = {}) const override;
    QVariant data(const QModelIndex &index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

private:
    std::optional<double> value(std::size_t row, int column) const;
    bool isBest(std::size_t row, int column) const;

    std::vector<Row> m_rows;
};

} // namespace qs::views
