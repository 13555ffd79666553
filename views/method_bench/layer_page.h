#pragma once

#include "views/method_bench/bench_page.h"

class QSortFilterProxyModel;
class QTableView;

namespace qs::views {

class LayerComparisonModel;

/// One figure of every layer, a column a run.
class LayerPage final : public BenchPage {
    Q_OBJECT
public:
    explicit LayerPage(WorkbenchContext &context);
    void refresh() override;

private:
    LayerComparisonModel *m_layers;
    QTableView *m_table;
    QSortFilterProxyModel *m_sorted;
    bool m_following = false; ///< the selection is being shown, not made
};

} // namespace qs::views
