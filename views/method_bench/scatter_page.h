#pragma once

#include "views/method_bench/bench_page.h"

namespace qs::views {

class RunScatter;

/// Effective bits against a metric, a point a run.
class ScatterPage final : public BenchPage {
    Q_OBJECT
public:
    explicit ScatterPage(WorkbenchContext &context);
    void refresh() override;

private:
    void fillMetrics();
    void showMetric();

    QComboBox *m_metric;
    RunScatter *m_scatter;
};

} // namespace qs::views
