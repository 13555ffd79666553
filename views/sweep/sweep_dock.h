#pragma once

#include "core/session/sweep/sweep_results.h"
#include "views/shared/view_dock.h"

class QLabel;
class QLineEdit;
class QSortFilterProxyModel;
class QStackedWidget;
class QTableView;
class QToolButton;

namespace qs::views {

class SweepParetoPage;
class SweepTableModel;

/// Results of a sweep: a table of all of them and the chart of bits against a metric.
class SweepDock final : public ViewDock {
    Q_OBJECT
public:
    explicit SweepDock(WorkbenchContext &context);

protected:
    void modelChanged() override { refresh(); }
    void setActive(bool active) override;

private:
    QWidget *makeBar();
    QWidget *makeResults();
    void addRowActions();
    void addExportActions(QToolButton &button);
    void refresh();
    void updateState();
    void filter(const QString &pattern);
    void askFile();
    void adoptRecipe();
    void exportTable(const QString &name);
    int currentRecord() const;
    void showRecord(int record);
    void hideConstantColumns();
    QString statusText() const;

    SweepTableModel *m_model;
    QSortFilterProxyModel *m_sorted = nullptr;
    QTableView *m_table;
    SweepParetoPage *m_chart;
    QStackedWidget *m_pages;
    QLabel *m_message, *m_status;
    QLineEdit *m_filter;
    QToolButton *m_run = nullptr, *m_export = nullptr;
    std::shared_ptr<const SweepResults> m_shown;
    QStringList m_common;     ///< what every row says: columns that are hidden
    bool m_following = false; ///< the current row is being set, not chosen
};

} // namespace qs::views
