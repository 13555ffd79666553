#pragma once

#include "views/models/job_model.h"
#include "views/shared/view_dock.h"

class QTableView;

namespace qs::views {

/// Running and finished jobs: stage, progress, time, Cancel.
class JobsDock final : public ViewDock {
    Q_OBJECT
public:
    explicit JobsDock(WorkbenchContext &context, QWidget *parent = nullptr);

protected:
    void setActive(bool active) override;

private:
    void refresh();
    void placeCancelButtons();

    JobModel *m_model = nullptr;
    QTableView *m_table = nullptr;
    bool m_active = false;
};

} // namespace qs::views
