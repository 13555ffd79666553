#pragma once

#include "views/method_bench/bench_page.h"
#include "views/method_bench/error_maps.h"

class QCheckBox;
class QLabel;

namespace qs::views {

class HeatMapCanvas;

/// Error maps of the ticked runs side by side, moved and zoomed together.
class ErrorMapsPage final : public BenchPage {
    Q_OBJECT
public:
    explicit ErrorMapsPage(WorkbenchContext &context);
    void refresh() override;
    const std::vector<HeatMapCanvas *> &maps() const { return m_maps; }

private:
    void load();
    void show(const ErrorMapsData &data);
    void showNothing(const QString &why);

    QCheckBox *m_difference;
    QLabel *m_note;
    std::vector<QLabel *> m_titles;
    std::vector<HeatMapCanvas *> m_maps;
};

} // namespace qs::views
