#pragma once

#include "views/shared/view_dock.h"

class QLabel;
class QSortFilterProxyModel;
class QTableView;
class QTabWidget;

namespace qs::views {

class BenchPage;
class RunTableModel;

/// Finished runs side by side: a table with the best marked, and pages that compare them in other ways.
class MethodBenchDock final : public ViewDock {
    Q_OBJECT
public:
    explicit MethodBenchDock(WorkbenchContext &context);
    QTabWidget &pages() { return *m_pages; }

protected:
    void modelChanged() override { refresh(); }
    void selectionChanged() override { refreshPage(); }
    void runChanged() override { refresh(); }

private:
    QTableView *makeRunTable();
    void addPage(BenchPage *page, const QString &title);
    void refresh();
    void refreshPage();
    void refreshWarning();
    int numberAt(const QModelIndex &index) const;

    RunTableModel *m_runs;
    QSortFilterProxyModel *m_sortedRuns = nullptr;
    QTableView *m_runTable = nullptr;
    QTabWidget *m_pages;
    QLabel *m_warning;
};

} // namespace qs::views
