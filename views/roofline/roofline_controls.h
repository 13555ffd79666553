#pragma once

#include "core/hardware/roofline_study.h"

#include <QWidget>

class QComboBox;
class QPushButton;

namespace qs::views {

class RooflineOptions;
class StepSlider;

/// What to model: source, device, stage, sizes, and the widths of the what-if precision.
class RooflineControls : public QWidget {
    Q_OBJECT
public:
    explicit RooflineControls(QWidget *parent = nullptr);

    /// Entries of the source combo, in order; the current one stays when its name does.
    void setSources(const QStringList &names, int current);
    int sourceIndex() const;
    /// Adapts stages, limits and availability to a source, and takes its usual sequence length.
    void setSource(const CostSource &source);
    void setDevices(std::vector<HardwareProfile> devices);
    const HardwareProfile *device() const; ///< nullptr when there is none

    /// Everything but the plans.
    StudyRequest request() const;
    PrecisionPlan whatIfPlan(const CostSource &source) const;
    bool isCompatible() const;

signals:
    void changed();
    void sourceChosen();
    void openWanted();

private:
    QComboBox *m_source, *m_device, *m_stage;
    QPushButton *m_open;
    StepSlider *m_batch, *m_sequence, *m_weightBits, *m_activationBits, *m_cacheBits;
    RooflineOptions *m_options;
    std::vector<HardwareProfile> m_devices;
};

} // namespace qs::views
