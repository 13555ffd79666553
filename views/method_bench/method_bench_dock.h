#pragma once

#include "views/shared/view_dock.h"

class QComboBox;
class QLabel;
class QSortFilterProxyModel;
class QStandardItemModel;
class QTableView;
class QTabWidget;

namespace qs::views {

class ErrorOverlay;
class LayerComparisonModel;
class RunScatter;
class RunTableModel;

/// Finished runs side by side: a table with the best marked, bits against a metric, layers, weight errors,
/// settings.
class MethodBenchDock final : public ViewDock {
    Q_OBJECT
public:
    explicit MethodBenchDock(WorkbenchContext &context);

protected:
    void modelChanged() override { refresh(); }
    void selectionChanged() override;
    void runChanged() override { refresh(); }

private:
    QTableView *makeRunTable();
    QWidget *makeScatterPage();
    QWidget *makeLayerPage();
    QWidget *makeErrorPage();
    QWidget *makeSettingsPage();
    void refresh();
    void refreshMetricChoice();
    void refreshScatter();
    void refreshSettings();
    void refreshWarning();
    void loadErrors();
    void removeCurrent();
    int numberAt(const QModelIndex &index) const;

    RunTableModel *m_runs;
    LayerComparisonModel *m_layers;
    QSortFilterProxyModel *m_sortedRuns, *m_sortedLayers;
    QStandardItemModel *m_settings;
    QTableView *m_runTable = nullptr, *m_layerTable = nullptr;
    QTabWidget *m_pages;
    QLabel *m_warning, *m_errorNote = nullptr;
    QComboBox *m_metric = nullptr, *m_figure = nullptr;
    RunScatter *m_scatter = nullptr;
    ErrorOverlay *m_errors = nullptr;
    bool m_following = false; ///< the selection is being shown, not made
};

} // namespace qs::views
