#include "views/shared/form_widgets.h"

#include <QEvent>
#include <QStandardItemModel>

namespace qs::views {
namespace {

class WheelFilter final : public QObject {
public:
    using QObject::QObject;

protected:
    bool eventFilter(QObject *watched, QEvent *event) override {
        const auto *field = qobject_cast<QWidget *>(watched);
        if (event->type() != QEvent::Wheel || field == nullptr || field->hasFocus())
            return false;
        event->ignore();
        return true;
    }
};

} // namespace

NumberBox::NumberBox(QWidget *parent) : QDoubleSpinBox(parent) {
    setDecimals(15);
    setStepType(QAbstractSpinBox::AdaptiveDecimalStepType);
    setKeyboardTracking(false);
}

QString NumberBox::textFromValue(double value) const {
    return QString::number(value, 'g', 10);
}

double NumberBox::valueFromText(const QString &text) const {
    return text.toDouble();
}

QValidator::State NumberBox::validate(QString &text, int & /*position*/) const {
    bool isNumber = false;
    const double number = text.toDouble(&isNumber);
    if (isNumber && number >= minimum() && number <= maximum())
        return QValidator::Acceptable;
    // "1e-" and numbers outside may become right with the next key.
    static const QRegularExpression beginning(QStringLiteral("^[-+0-9.eE]*$"));
    return beginning.match(text).hasMatch() ? QValidator::Intermediate : QValidator::Invalid;
}

QSize NumberBox::sizeHint() const {
    // The base class makes room for fifteen decimals of the largest number.
    QSize size = QSpinBox().sizeHint();
    size.setWidth(fontMetrics().horizontalAdvance(QStringLiteral("0.00000001")) + 40);
    return size;
}

void keepWheelForScrolling(QWidget *field) {
    field->setFocusPolicy(Qt::StrongFocus);
    field->installEventFilter(new WheelFilter(field));
}

void setEntryEnabled(QComboBox *box, int entry, const QString &reason, const QString &toolTip) {
    auto *model = qobject_cast<QStandardItemModel *>(box->model());
    QStandardItem *item = model != nullptr ? model->item(entry) : nullptr;
    if (item == nullptr)
        return;
    item->setEnabled(reason.isEmpty());
    item->setToolTip(reason.isEmpty() ? toolTip : QObject::tr("Not available: %1").arg(reason));
}

} // namespace qs::views
