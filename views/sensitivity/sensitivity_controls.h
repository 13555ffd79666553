#pragma once

#include "core/analysis/sensitivity.h"

#include <QWidget>

class QCheckBox;
class QComboBox;
class QPushButton;
class QSpinBox;

namespace qs::views {

/// What to measure, and the buttons that start and stop it.
class SensitivityControls : public QWidget {
    Q_OBJECT
public:
    explicit SensitivityControls(const MethodRegistry &methods, QWidget *parent = nullptr);

    int metricIndex() const; ///< into sensitivityMetrics()
    /// The chosen options; grid and granularity come from the recipe.
    SensitivityOptions options(const Recipe &recipe) const;
    /// Empty `whyNot` enables measuring; while a measurement runs the button stops it.
    void setState(bool running, const QString &whyNot);

signals:
    void metricChanged();
    void measureWanted();
    void stopWanted();

private:
    void updateButton();

    QComboBox *m_metric, *m_method;
    QSpinBox *m_samples;
    QPushButton *m_measure;
    std::vector<QCheckBox *> m_bits;
    bool m_running = false;
    QString m_whyNot;
};

} // namespace qs::views
