#pragma once

#include "views/canvas/color_controls.h"
#include "views/outlier_map/outlier_map_source.h"

#include <QWidget>

namespace qs::views {

/// The controls of the outlier map.
class OutlierMapToolbar : public QWidget {
    Q_OBJECT
public:
    explicit OutlierMapToolbar(QWidget *parent = nullptr);

    /// Fills in mode, statistic, rule and threshold.
    void applyTo(OutlierMapRequest &request) const;
    ColorControls &colors() { return *m_colors; }
    void setMode(OutlierMapRequest::Mode mode);

signals:
    void requestChanged(); ///< other data
    void fitWanted();

private:
    void connectControls();
    void fillStatistics();
    void updateStatistic();
    void updateVisibility();
    OutlierMapRequest::Mode mode() const;
    bool isSigned() const;

    QComboBox *m_mode, *m_statistic, *m_rule;
    QDoubleSpinBox *m_threshold;
    ColorControls *m_colors = nullptr;
};

} // namespace qs::views
