#pragma once

#include "core/quant/range_rule.h"

#include <QFormLayout>
#include <QObject>

class QComboBox;
class QSpinBox;

namespace qs::views {

class NumberBox;

/// The rows of a form that describe an integer grid but for its bits: convention, range rule with its
/// parameters, rounding. Weights and activations share them.
class GridForm final : public QObject {
    Q_OBJECT
public:
    /// Adds its rows to the layout, which must outlive it.
    GridForm(QFormLayout *layout, QObject *parent);

    /// Does not emit edited().
    void setGrid(const GridScheme &grid);
    /// The grid with everything this form shows; bits stay as they were.
    GridScheme grid() const;
    /// Asks about every entry: gets the box, the entry, a grid in which only that choice differs, and what to
    /// explain.
    using EntryUpdate =
        std::function<void(QComboBox *, int entry, const GridScheme &, const QString &toolTip)>;
    void updateSupport(const EntryUpdate &update);
    void setVisible(bool visible);
    /// Off where no range is chosen: scales come from the values while the model runs.
    void setRangeVisible(bool visible);

signals:
    void edited(const QString &field);

private:
    void addRows();
    void showRows();
    void tellEdited(const QString &field);

    QFormLayout *m_layout = nullptr;
    QComboBox *m_convention = nullptr, *m_rule = nullptr, *m_rounding = nullptr;
    NumberBox *m_percentile = nullptr, *m_norm = nullptr, *m_maxShrink = nullptr;
    QSpinBox *m_gridSteps = nullptr;
    GridScheme m_grid;
    bool m_visible = true, m_rangeVisible = true;
    bool m_showing = false;
};

} // namespace qs::views
