#pragma once

#include "views/shared/view_dock.h"

class QTextBrowser;
class QTreeWidget;
class QTreeWidgetItem;

namespace qs::views {

/// The finished runs as a tree of what was edited from what, with the provenance of the chosen one.
class RunHistoryDock : public ViewDock {
    Q_OBJECT
public:
    explicit RunHistoryDock(WorkbenchContext &context);

protected:
    void runChanged() override;

private:
    void makeTree();
    void makeActions();
    void fill();
    void showDetails();
    int chosenRun() const; ///< 0 = none
    void changeTick(QTreeWidgetItem *item);

    QTreeWidget *m_tree = nullptr;
    QTextBrowser *m_details = nullptr;
    QAction *m_show = nullptr, *m_adopt = nullptr, *m_forget = nullptr, *m_copy = nullptr;
    bool m_filling = false;
};

} // namespace qs::views
