#pragma once

#include <QComboBox>
#include <QDoubleSpinBox>

namespace qs::views {

/// A number of any size, shown short: 0.01, 1e-06.
class NumberBox final : public QDoubleSpinBox {
    Q_OBJECT
public:
    explicit NumberBox(QWidget *parent = nullptr);
    QString textFromValue(double value) const override;
    double valueFromText(const QString &text) const override;
    QValidator::State validate(QString &text, int &position) const override;
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return sizeHint(); }
};

/// A wheel turned over this field scrolls the form around it unless the field has the focus.
void keepWheelForScrolling(QWidget *field);

/// Greys an entry of a combo box and says why in its tooltip; an empty reason enables it and shows `toolTip`.
void setEntryEnabled(QComboBox *box, int entry, const QString &reason, const QString &toolTip);

} // namespace qs::views
