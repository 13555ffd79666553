#pragma once

#include "views/shared/view_dock.h"

class QLabel;
class QSortFilterProxyModel;
class QStackedWidget;
class QTableView;

namespace qs::views {

class SensitivityChart;
class SensitivityControls;
class SensitivityModel;

/// What each layer costs when it alone is quantized: a table of layers × bits and a chart of the same
/// numbers.
class SensitivityDock : public ViewDock {
    Q_OBJECT
public:
    explicit SensitivityDock(WorkbenchContext &context);

protected:
    void modelChanged() override { refresh(); }
    void runChanged() override { refresh(); }
    void selectionChanged() override;

private:
    QWidget *makeResults();
    void refresh();
    void updateState();
    /// Which transforms the table was measured after; empty when there were none.
    QString transformsText(const SensitivityTable &table) const;
    QString noMetricText(const SensitivityTable &table) const;
    void selectLayer(LayerId layer);

    SensitivityModel *m_model;
    QSortFilterProxyModel *m_sorted;
    SensitivityControls *m_controls;
    QStackedWidget *m_pages;
    QLabel *m_message, *m_status;
    QTableView *m_table;
    SensitivityChart *m_chart;
    bool m_followingSelection = false; ///< the table is being told, it does not tell
};

} // namespace qs::views
