#pragma once

#include "views/method_bench/bench_page.h"

class QStandardItemModel;

namespace qs::views {

/// The settings in which the recipes of the ticked runs differ.
class SettingsPage final : public BenchPage {
    Q_OBJECT
public:
    explicit SettingsPage(WorkbenchContext &context);
    void refresh() override;

private:
    QStandardItemModel *m_settings;
};

} // namespace qs::views
