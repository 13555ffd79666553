#pragma once

#include "views/outlier_map/outlier_map_source.h"

#include <QWidget>

class QCheckBox;
class QComboBox;
class QDoubleSpinBox;
class QLineEdit;

namespace qs::views {

/// The controls of the outlier map.
class OutlierMapToolbar : public QWidget {
    Q_OBJECT
public:
    explicit OutlierMapToolbar(QWidget *parent = nullptr);

    /// Fills in mode, statistic, rule and threshold.
    void applyTo(OutlierMapRequest &request) const;
    ColorChoice colorChoice() const;
    const ColorMap &colorMap() const;
    void setMode(OutlierMapRequest::Mode mode);
    /// Values that the manual range starts with.
    void showRange(const HeatMapScale &scale);

signals:
    void requestChanged(); ///< other data
    void colorsChanged();  ///< the same data in other colours
    void fitWanted();

private:
    void connectControls();
    void fillStatistics();
    void fillColorMaps();
    void updateVisibility();
    OutlierMapRequest::Mode mode() const;
    bool isSigned() const;

    QComboBox *m_mode, *m_statistic, *m_map, *m_range, *m_rule;
    QCheckBox *m_log;
    QDoubleSpinBox *m_percentile, *m_threshold;
    QLineEdit *m_lo, *m_hi;
    struct ColorState {
        QString map; ///< empty: the first one offered
        bool logarithmic;
    };
    ColorState &colorState() { return isSigned() ? m_signedColors : m_magnitudeColors; }
    // Last choices by kind of statistic: magnitudes of outliers ask for decades, signed values for both sides
    // of zero.
    ColorState m_magnitudeColors{{}, true}, m_signedColors{{}, false};
};

} // namespace qs::views
