#include "views/roofline/breakdown_tabs.h"

#include "views/roofline/breakdown_chart.h"

#include <QVBoxLayout>

namespace qs::views {
namespace {

constexpr int kRoomForBoth = 380; ///< pixels: two legends, two axes and bars that can be told apart

} // namespace

BreakdownTabs::BreakdownTabs(QWidget *parent)
    : QTabWidget(parent), m_time(new BreakdownChart(BreakdownChart::What::Time)),
      m_memory(new BreakdownChart(BreakdownChart::What::Memory)), m_both(new QWidget(this)) {
    auto *layout = new QVBoxLayout(m_both);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(m_time);
    layout->addWidget(m_memory);
    setDocumentMode(true);
    addTab(m_both, tr("Time and memory"));
}

void BreakdownTabs::setStudy(const std::shared_ptr<const RooflineStudy> &study) {
    m_time->setStudy(study);
    m_memory->setStudy(study);
}

void BreakdownTabs::resizeEvent(QResizeEvent *event) {
    QTabWidget::resizeEvent(event);
    arrange(height() >= kRoomForBoth);
}

void BreakdownTabs::arrange(bool together) {
    if (together == m_together)
        return;
    m_together = together;
    QWidget *before = currentWidget();
    if (together) {
        removeTab(indexOf(m_time));
        removeTab(indexOf(m_memory));
        m_both->layout()->addWidget(m_time);
        m_both->layout()->addWidget(m_memory);
        m_time->show();
        m_memory->show();
        insertTab(0, m_both, tr("Time and memory"));
    } else {
        removeTab(indexOf(m_both));
        insertTab(0, m_time, tr("Time"));
        insertTab(1, m_memory, tr("Memory"));
    }
    // A page that went is replaced by the first one.
    setCurrentIndex(std::max(0, indexOf(before)));
}

} // namespace qs::views
