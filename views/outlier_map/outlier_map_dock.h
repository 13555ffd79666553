#pragma once

#include "views/outlier_map/outlier_map_source.h"
#include "views/shared/view_dock.h"

class QLabel;
class QPushButton;
class QStackedWidget;

namespace qs::views {

class HeatMapCanvas;
class OutlierMapToolbar;

/// Where large values sit: layer × channel, token × channel, or the weights of a layer.
class OutlierMapDock : public ViewDock {
    Q_OBJECT
public:
    explicit OutlierMapDock(WorkbenchContext &context);

    HeatMapCanvas &canvas() { return *m_canvas; }
    OutlierMapToolbar &toolbar() { return *m_toolbar; }

protected:
    void modelChanged() override { load(); }
    void selectionChanged() override { load(); }
    void runChanged() override { load(); }

private:
    OutlierMapRequest request() const;
    /// Starts loading when what is wanted differs from what is there; else only marks the selection.
    void load();
    void showNothing(const QString &why);
    void adopt(std::shared_ptr<const OutlierMapContent> content);
    void updateColors();
    void updateSelection();
    void pick(std::int64_t row, std::int64_t column);

    OutlierMapToolbar *m_toolbar;
    QStackedWidget *m_pages;
    HeatMapCanvas *m_canvas;
    QLabel *m_message;
    QPushButton *m_calibrate;
    QLabel *m_summary;
    OutlierMapRequest m_wanted; ///< what is shown or being loaded
    std::shared_ptr<const OutlierMapContent> m_content;
};

} // namespace qs::views
