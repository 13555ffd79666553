#pragma once

#include "core/hardware/roofline_study.h"
#include "views/shared/view_dock.h"

#include <QTimer>
#include <memory>
#include <set>

class QComboBox;
class QLabel;
class QSortFilterProxyModel;
class QStackedWidget;
class QTableView;

namespace qs::views {

class BreakdownTabs;
class OperatorModel;
class RooflineChart;
class RooflineControls;

/// What bounds every operator on a device, how long a pass takes and what fits: in FP16, as the recipe or the
/// run has it, and as the sliders ask.
class RooflineDock : public ViewDock {
    Q_OBJECT
public:
    explicit RooflineDock(WorkbenchContext &context);

protected:
    void modelChanged() override;
    void runChanged() override;
    void selectionChanged() override;
    void setActive(bool active) override;

private:
    QWidget *makeResults();
    QWidget *makeOperatorPage();
    void readDevices();
    void updateSources();
    void chooseSource();
    void openConfig();
    std::vector<PrecisionPlan> plans() const;
    std::shared_ptr<const Run> completeRun() const;
    void start();
    void adopt(std::shared_ptr<const RooflineStudy> study);
    void showNothing(const QString &why);
    void updateTexts();
    void updateTable();
    void selectOperator(const OperatorCost &cost);
    void mark(const std::string &name);

    std::shared_ptr<const CostSource> m_modelSource, m_configSource;
    std::shared_ptr<const CostSource> m_source; ///< the one that is shown
    std::shared_ptr<const NetworkDescription> m_config;
    struct {
        std::shared_ptr<const CostSource> source;
        std::shared_ptr<const Run> run;
        Recipe recipe;
    } m_started; ///< what the newest study is made of
    std::shared_ptr<const RooflineStudy> m_study;
    std::string m_shownView; ///< source and device that the axes were fitted to
    std::string m_marked;    ///< name of the selected operator
    std::set<std::string> m_toldFindings;
    QTimer m_delay;

    RooflineControls *m_controls;
    QStackedWidget *m_pages;
    QLabel *m_message, *m_summary, *m_notes;
    BreakdownTabs *m_tabs;
    RooflineChart *m_chart;
    QComboBox *m_precision;
    QTableView *m_table;
    OperatorModel *m_model;
    QSortFilterProxyModel *m_sorted;
    bool m_following = false; ///< the table is being told, it does not tell
};

} // namespace qs::views
