#pragma once

#include "views/method_bench/bench_page.h"

class QLabel;

namespace qs::views {

class ErrorOverlay;

/// How the weight errors of the selected layer are distributed, a line a run.
class ErrorPage final : public BenchPage {
    Q_OBJECT
public:
    explicit ErrorPage(WorkbenchContext &context);
    void refresh() override;

private:
    QLabel *m_note;
    ErrorOverlay *m_errors;
};

} // namespace qs::views
