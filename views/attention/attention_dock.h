#pragma once

#include "views/attention/attention_controls.h"
#include "views/shared/view_dock.h"

class QLabel;
class QStackedWidget;

namespace qs::views {

class AttentionDetails;
class AttentionGridCanvas;
class AttentionLoader;
class HeatMapCanvas;

/// What attention does with one sample: a grid of heads, one head in full, and their numbers; float,
/// quantized, and the difference of both.
class AttentionDock : public ViewDock {
    Q_OBJECT
public:
    explicit AttentionDock(WorkbenchContext &context);

    AttentionControls &controls() { return *m_controls; }
    AttentionDetails &details() { return *m_details; }
    AttentionGridCanvas &gridCanvas() { return *m_grid; }
    HeatMapCanvas &mapCanvas() { return *m_canvas; }
    QString message() const;
    void show(const AttentionShown &shown);

protected:
    void modelChanged() override { load(); }
    void selectionChanged() override;
    void runChanged() override { load(); }

private:
    AttentionRequest request() const;
    /// Has the survey made when what is wanted differs from what is there.
    void load();
    void showNothing(const QString &why);
    void adoptSurvey();
    void adoptMap();
    void updateShown();
    void updateColors();
    void updateMarks();
    void updateSummary();
    void pickHead(int block, int head);
    void pickPosition(std::int64_t query, std::int64_t key);

    AttentionLoader *m_loader;
    AttentionControls *m_controls;
    QStackedWidget *m_pages;
    QLabel *m_message, *m_summary;
    AttentionGridCanvas *m_grid;
    HeatMapCanvas *m_canvas;
    AttentionDetails *m_details;
    std::int64_t m_key = 0;
    int m_block = -1, m_head = -1; ///< the head that is marked
};

} // namespace qs::views
