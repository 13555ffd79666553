#pragma once

#include "core/graph/graph_map.h"
#include "core/session/node_metrics.h"

#include <QWidget>

class QCheckBox;
class QComboBox;
class QDoubleSpinBox;
class QLabel;
class QLineEdit;
class QPushButton;
class QSpinBox;

namespace qs::views {

/// The controls of the graph map.
class GraphMapToolbar : public QWidget {
    Q_OBJECT
public:
    explicit GraphMapToolbar(QWidget *parent = nullptr);

    NodeMetric metric() const;
    int sensitivityBits() const { return m_sensitivityBits; }
    void setMetric(NodeMetric metric);
    /// Greys what has no values and says why. One entry per bit-width of a sensitivity table.
    void showSources(const NodeMetricSources &sources);
    /// Why the jobs cannot start; empty when they can.
    void setReasons(const QString &whyNotCompare, const QString &whyNotTime);
    double thresholdDb() const;
    std::int64_t samples() const;
    QString pattern() const;
    MapDirection direction() const;
    void setDirection(MapDirection direction);                          ///< without a signal
    void showMatches(const QString &text, const QString &toolTip = {}); ///< "3 of 41"
    void focusSearch();

signals:
    void metricChanged();
    void compareWanted();
    void timeWanted();
    void thresholdChanged();
    void patternChanged();
    void stepWanted(int direction); ///< to the next or previous match
    void allBlocksWanted(bool open);
    void directionChanged();
    void fitWanted();

private:
    void fillMetrics(const NodeMetricSources &sources);
    void connectControls();
    QPushButton *addButton(const QString &text, const QString &tip);

    QComboBox *m_metric;
    QDoubleSpinBox *m_threshold;
    QSpinBox *m_samples;
    QLineEdit *m_search;
    QLabel *m_matches;
    QCheckBox *m_sideways;
    QPushButton *m_compare, *m_time, *m_openAll, *m_closeAll, *m_fit;
    std::vector<int> m_columns; ///< bit-widths of the sensitivity entries
    int m_sensitivityBits = 0;
    bool m_chosen = false; ///< by the user or by a job that the user started
};

} // namespace qs::views
