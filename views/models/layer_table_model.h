#pragma once

#include "core/analysis/difference_survey.h"
#include "core/session/run.h"

#include <QAbstractTableModel>
#include <QSortFilterProxyModel>

namespace qs::views {

/// What the layer table shows: snapshots, and how to read them.
struct LayerTableData {
    std::shared_ptr<const Model> model;
    Recipe recipe; ///< what would be done, shown until a run says what was done
    std::shared_ptr<const Run> run;
    std::shared_ptr<const Capture> capture;
    std::shared_ptr<const SensitivityTable> sensitivity;
    std::shared_ptr<const std::vector<WeightChange>>
        changes;                ///< of a difference of checkpoints: the first layers
    Metric metric = Metric::Kl; ///< of the columns Network and Sensitivity
    int sensitivityBits = 4;
};

/// One row per layer, one column per fact or metric. Rows are layer ids.
class LayerTableModel final : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column {
        NameColumn,
        KindColumn,
        ShapeColumn,
        ParametersColumn,
        DeltaNormColumn, ///< of a difference of checkpoints, as the next
        RelativeNormColumn,
        OutlierColumn,
        MethodColumn,
        BitsColumn,
        EffectiveBitsColumn,
        WeightSqnrColumn,
        OutputSqnrColumn,
        NetworkColumn,
        SensitivityColumn,
        ColumnCount
    };
    enum Role { SortRole = Qt::UserRole, LayerIdRole };

    using QAbstractTableModel::QAbstractTableModel;
    /// Resets when the model is another one, else tells that cells changed, so that selection and scroll
    /// stay.
    void setData(LayerTableData data);

    int rowCount(const QModelIndex &parent = {}) const override;
    int columnCount(const QModelIndex &parent = {}) const override;
    QVariant data(const QModelIndex &index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

private:
    const Layer &layer(int row) const { return m_data.model->layers[static_cast<std::size_t>(row)]; }
    const LayerResult *result(int row) const;
    const LayerChoice &choice(int row) const; ///< of the run, else of the recipe
    std::optional<double> number(int row, int column) const;
    std::optional<double> resultNumber(const LayerResult &result, int column) const;
    std::optional<double> sensitivity(int row) const;
    const WeightChange *change(int row) const;
    std::vector<std::optional<double>> outlierScores() const;
    QString title(int column) const;
    QString text(int row, int column) const;
    QString methodText(int row) const;
    QString toolTip(int row, int column) const;
    QString rangeText(int row) const;

    LayerTableData m_data;
    std::vector<LayerChoice> m_plan; ///< the recipe's choice by layer
    std::vector<std::optional<double>>
        m_outlierScores; ///< of the input activation, by layer; empty: not captured
};

/// Filters by a regular expression over name, kind and method; sorts by SortRole with absent values last.
class LayerTableProxy final : public QSortFilterProxyModel {
    Q_OBJECT
public:
    using QSortFilterProxyModel::QSortFilterProxyModel;

protected:
    bool filterAcceptsRow(int row, const QModelIndex &parent) const override;
    bool lessThan(const QModelIndex &left, const QModelIndex &right) const override;
};

} // namespace qs::views
