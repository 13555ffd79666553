#pragma once

#include "core/analysis/sensitivity.h"

#include <QAbstractTableModel>
#include <functional>

namespace qs::views {

/// One way to read a cell of the sensitivity table.
struct SensitivityMetric {
    QString id, name, unit, formula;
    bool higherIsBetter = true;
    bool logarithmic = false; ///< spans decades: colours and axes are logarithmic
    std::function<std::optional<double>(const AloneMetrics &)> value;
    std::function<std::optional<double>(const OutputMetrics &)>
        baseline; ///< of the float model; may be absent
};
/// The metrics of the model's output, then that of the layer's own output.
const std::vector<SensitivityMetric> &sensitivityMetrics();

/// Layers × bits as a table: layer names, then one column per bit-width.
class SensitivityModel final : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Role { SortRole = Qt::UserRole, LayerIdRole };
    using QAbstractTableModel::QAbstractTableModel;

    /// Either may be null.
    void setTable(std::shared_ptr<const Model> model, std::shared_ptr<const SensitivityTable> table);
    void setMetric(const SensitivityMetric &metric);
    const SensitivityMetric &metric() const { return *m_metric; }
    const SensitivityTable *table() const { return m_table.get(); }

    QString layerName(int row) const;
    LayerId layerAt(int row) const { return m_table->layers[static_cast<std::size_t>(row)]; }
    int rowOfLayer(LayerId layer) const; ///< -1 when absent
    std::optional<double> value(int row, int bitsColumn) const;
    /// How bad a value is among all: 0 the best, 1 the worst; nothing when not measured or all are alike.
    std::optional<double> badness(int row, int bitsColumn) const;
    int measuredRows() const; ///< with every bit-width
    int bitsColumns() const { return m_table ? static_cast<int>(m_table->bits.size()) : 0; }

    int rowCount(const QModelIndex &parent = {}) const override;
    int columnCount(const QModelIndex &parent = {}) const override;
    QVariant data(const QModelIndex &index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

private:
    void updateRange();
    double scaled(double value) const;

    std::shared_ptr<const Model> m_model;
    std::shared_ptr<const SensitivityTable> m_table;
    const SensitivityMetric *m_metric = &sensitivityMetrics().front();
    double m_best = 0, m_worst = 0; ///< scaled
    bool m_hasRange = false;
};

} // namespace qs::views
