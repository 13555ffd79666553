#pragma once

#include "core/session/run_history.h"

#include <QAbstractTableModel>

namespace qs::views {

/// A figure of one layer in one run.
struct LayerFigure {
    const char *name, *unit, *formula;
    bool higherIsBetter;
    std::optional<double> (*valueOf)(const LayerResult &);
};
const std::vector<LayerFigure> &layerFigures();

/// A row a layer, a column a run, one figure in the cells; the best of a row wears a star. Rows are layer
/// ids.
class LayerComparisonModel final : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Role { SortRole = Qt::UserRole, CopyRole };

    using QAbstractTableModel::QAbstractTableModel;
    void setRuns(std::shared_ptr<const Model> model, std::vector<RunEntry> runs);
    void setFigure(int index);

    int rowCount(const QModelIndex &parent = {}) const override;
    int columnCount(const QModelIndex &parent = {}) const override;
    QVariant data(const QModelIndex &index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

private:
    std::optional<double> value(int row, std::size_t run) const;
    bool isBest(int row, std::size_t run) const;

    std::shared_ptr<const Model> m_model;
    std::vector<RunEntry> m_runs;
    int m_figure = 0;
};

} // namespace qs::views
