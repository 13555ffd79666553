#pragma once

#include "views/distribution/distribution_data.h"
#include "views/shared/view_dock.h"

class QCheckBox;
class QComboBox;
class QLabel;
class QSpinBox;
class QStackedWidget;

namespace qs::views {

class DistributionChart;
class StatisticsPanel;

/// How the weights or the activations of the selected layer are distributed, before and after quantization.
class DistributionDock : public ViewDock {
    Q_OBJECT
public:
    explicit DistributionDock(WorkbenchContext &context);

    DistributionChart &chart() { return *m_chart; }
    void setSource(DistributionRequest::Source source);

protected:
    void modelChanged() override { load(); }
    void selectionChanged() override { load(); }
    void runChanged() override { load(); }

private:
    QWidget *makeToolbar();
    DistributionRequest::Source source() const;
    DistributionRequest request() const;
    void load();
    void adopt(std::shared_ptr<const DistributionData> data);
    void showNothing(const QString &why);
    void updateChannelRange();
    void channelEdited(int channel);
    void updateNotes();

    QComboBox *m_source, *m_range;
    QSpinBox *m_channel, *m_bins;
    QCheckBox *m_log, *m_grid;
    QStackedWidget *m_pages;
    QLabel *m_message, *m_title, *m_notes;
    DistributionChart *m_chart;
    StatisticsPanel *m_statistics;
    DistributionRequest m_wanted;
    std::shared_ptr<const DistributionData> m_data;
    QString m_gridNote;
    std::int64_t m_output = -1;        ///< of the selection when the channel box was last set
    LayerId m_channelLayer = kNoLayer; ///< layer that the channel box belongs to
};

} // namespace qs::views
