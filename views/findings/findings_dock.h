#pragma once

#include "views/models/finding_model.h"
#include "views/shared/view_dock.h"

class QTableView;

namespace qs::views {

/// What the user should know: severity, place, what to do. Double click selects the layer.
class FindingsDock final : public ViewDock {
    Q_OBJECT
public:
    explicit FindingsDock(WorkbenchContext &context, QWidget *parent = nullptr);

protected:
    void setActive(bool active) override;

private:
    void refresh();
    void jump(const QModelIndex &index);

    FindingModel *m_model = nullptr;
    QTableView *m_table = nullptr;
    bool m_active = false;
};

} // namespace qs::views
