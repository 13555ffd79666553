#pragma once

#include "core/hardware/roofline_study.h"

#include <QTabWidget>
#include <memory>

namespace qs::views {

class BreakdownChart;

/// Bars of time and memory on one page where there is room for both, else on a page each.
class BreakdownTabs final : public QTabWidget {
    Q_OBJECT
public:
    explicit BreakdownTabs(QWidget *parent = nullptr);
    void setStudy(const std::shared_ptr<const RooflineStudy> &study);

protected:
    void resizeEvent(QResizeEvent *event) override;

private:
    void arrange(bool together);

    BreakdownChart *m_time, *m_memory;
    QWidget *m_both;
    bool m_together = true;
};

} // namespace qs::views
