#pragma once

#include "core/hardware/roofline_study.h"

#include <QToolButton>

class QCheckBox;
class QComboBox;
class QDoubleSpinBox;

namespace qs::views {

/// A button whose menu holds the settings that are changed rarely.
class RooflineOptions : public QToolButton {
    Q_OBJECT
public:
    explicit RooflineOptions(QWidget *parent = nullptr);

    void apply(StudyRequest &request) const;
    std::int64_t groupSize() const; ///< of the what-if weights; 0 = a row
    /// What the source has no use for is greyed with the reason.
    void setSource(bool isDecoder);
    bool isCompatible() const;

signals:
    void changed();

private:
    QDoubleSpinBox *addShare(class QFormLayout *form, const QString &caption, const QString &toolTip,
                             double value);
    QCheckBox *addCheck(class QFormLayout *form, const QString &text, const QString &toolTip);

    QComboBox *m_group;
    QCheckBox *m_fused, *m_lastLogits, *m_compatible;
    QDoubleSpinBox *m_compute, *m_bandwidth, *m_overhead, *m_memory;
};

} // namespace qs::views
