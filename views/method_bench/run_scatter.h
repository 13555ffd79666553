#pragma once

#include "core/session/run_comparison.h"
#include "core/session/run_history.h"
#include "views/plots/bits_scatter.h"

class QCPItemText;

namespace qs::views {

/// Runs as named points: effective bits against one figure. Ids are run numbers.
class RunScatter final : public BitsScatter {
    Q_OBJECT
public:
    explicit RunScatter(QWidget *parent = nullptr);

    /// \param bits, figure  columns of compareRuns() over `runs`
    void setRuns(const std::vector<RunEntry> &runs, const Run *shown, const ComparisonColumn &bits,
                 const ComparisonColumn &figure);
    void clear();

private:
    void drawPoints();
    void removeLabels();
    void addLabel(const BitsPoint &point);
    void placeLabels();

    QCPGraph *m_others, *m_best;
    std::vector<QCPItemText *> m_labels;
};

} // namespace qs::views
