#include "views/roofline/step_slider.h"

#include "views/shared/form_widgets.h"

#include <QHBoxLayout>
#include <QSignalBlocker>
#include <QSlider>
#include <QSpinBox>
#include <cmath>

namespace qs::views {

StepSlider::StepSlider(std::vector<int> steps, const QString &suffix, bool exact, const QString &name,
                       QWidget *parent)
    : QWidget(parent), m_steps(std::move(steps)), m_slider(new QSlider(Qt::Horizontal)),
      m_field(new QSpinBox) {
    m_slider->setRange(0, static_cast<int>(m_steps.size()) - 1);
    m_slider->setPageStep(1);
    m_slider->setFixedWidth(70);
    m_slider->setAccessibleName(name);
    m_field->setRange(m_steps.front(), exact ? std::max(m_steps.back(), 1 << 20) : m_steps.back());
    m_field->setSuffix(suffix);
    m_field->setKeyboardTracking(false);
    m_field->setAccessibleName(name);
    m_field->setStepType(exact ? QAbstractSpinBox::AdaptiveDecimalStepType
                               : QAbstractSpinBox::DefaultStepType);
    keepWheelForScrolling(m_field);
    keepWheelForScrolling(m_slider);
    auto *row = new QHBoxLayout(this);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(4);
    row->addWidget(m_slider);
    row->addWidget(m_field);
    connect(m_slider, &QSlider::valueChanged, this,
            [this](int step) { m_field->setValue(m_steps[static_cast<std::size_t>(step)]); });
    connect(m_field, &QSpinBox::valueChanged, this, [this](int value) {
        const QSignalBlocker blocker(m_slider);
        m_slider->setValue(nearestStep(value));
        emit changed(value);
    });
}

int StepSlider::value() const {
    return m_field->value();
}

void StepSlider::setValue(int value) {
    const QSignalBlocker field(m_field), slider(m_slider);
    m_field->setValue(value);
    m_slider->setValue(nearestStep(value));
}

int StepSlider::nearestStep(int value) const {
    // By ratio: steps double.
    const auto distance = [value](int step) {
        return std::abs(std::log(static_cast<double>(step) / std::max(1, value)));
    };
    const auto nearest = std::min_element(m_steps.begin(), m_steps.end(),
                                          [&](int a, int b) { return distance(a) < distance(b); });
    return static_cast<int>(nearest - m_steps.begin());
}

void StepSlider::setAvailable(const QString &whyNot) {
    m_whyNot = whyNot;
    setEnabled(whyNot.isEmpty());
    updateToolTip();
}

void StepSlider::setHint(const QString &toolTip) {
    m_hint = toolTip;
    updateToolTip();
}

void StepSlider::updateToolTip() {
    setToolTip(m_whyNot.isEmpty() ? m_hint : m_whyNot);
}

} // namespace qs::views
