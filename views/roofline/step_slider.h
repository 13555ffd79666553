#pragma once

#include <QWidget>
#include <vector>

class QSlider;
class QSpinBox;

namespace qs::views {

/// A slider over given values with a field that shows the value, and takes any other when `exact`.
class StepSlider : public QWidget {
    Q_OBJECT
public:
    /// \param steps  ascending;  \param name  for screen readers
    StepSlider(std::vector<int> steps, const QString &suffix, bool exact, const QString &name,
               QWidget *parent = nullptr);

    int value() const;
    void setValue(int value); ///< does not emit changed()
    /// Disables with a reason, or enables.
    void setAvailable(const QString &whyNot);
    void setHint(const QString &toolTip);

signals:
    void changed(int value);

private:
    int nearestStep(int value) const;
    void updateToolTip();

    std::vector<int> m_steps;
    QSlider *m_slider;
    QSpinBox *m_field;
    QString m_hint, m_whyNot;
};

} // namespace qs::views
