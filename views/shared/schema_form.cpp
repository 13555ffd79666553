#include "views/shared/schema_form.h"

#include "views/shared/form_widgets.h"

#include <QCheckBox>
#include <QScopedValueRollback>
#include <QSpinBox>
#include <limits>

namespace qs::views {
namespace {

bool sameParameters(const std::vector<Parameter> &a, const std::vector<Parameter> &b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Parameter &x, const Parameter &y) {
        return x.name == y.name && x.type == y.type && x.minimum == y.minimum && x.maximum == y.maximum &&
               x.choices == y.choices && x.title == y.title && x.description == y.description;
    });
}

int clampToInt(double value) {
    return static_cast<int>(
        std::clamp<double>(value, std::numeric_limits<int>::min(), std::numeric_limits<int>::max()));
}

} // namespace

SchemaForm::SchemaForm(QWidget *parent) : QWidget(parent), m_layout(new QFormLayout(this)) {
    m_layout->setContentsMargins(0, 0, 0, 0);
    m_layout->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
}

void SchemaForm::setSchema(const ParameterSchema &schema) {
    std::vector<Parameter> shown;
    for (const Field &field : m_fields)
        shown.push_back(field.parameter);
    if (!sameParameters(shown, schema.parameters())) {
        m_fields.clear();
        while (m_layout->rowCount() > 0)
            m_layout->removeRow(0);
        for (const Parameter &parameter : schema.parameters()) {
            QWidget *widget = addField(parameter);
            widget->setToolTip(QString::fromStdString(parameter.description));
            keepWheelForScrolling(widget);
            const QString title = QString::fromStdString(parameter.title);
            // A check box carries its own text.
            if (parameter.type == Parameter::Type::Boolean)
                m_layout->addRow(widget);
            else
                m_layout->addRow(title, widget);
            widget->setAccessibleName(title);
        }
    }
    setValues(schema.defaults());
}

QWidget *SchemaForm::addField(const Parameter &parameter) {
    Field field{parameter, {}, {}};
    QWidget *widget = nullptr;
    switch (parameter.type) {
    case Parameter::Type::Boolean:
        widget = addBoolean(field);
        break;
    case Parameter::Type::Integer:
        widget = addInteger(field);
        break;
    case Parameter::Type::Number:
        widget = addNumber(field);
        break;
    case Parameter::Type::Choice:
        widget = addChoice(field);
        break;
    }
    m_fields.push_back(std::move(field));
    return widget;
}

QWidget *SchemaForm::addBoolean(Field &field) {
    auto *box = new QCheckBox(QString::fromStdString(field.parameter.title));
    field.show = [box](const nlohmann::json &value) { box->setChecked(value.get<bool>()); };
    field.read = [box] { return nlohmann::json(box->isChecked()); };
    connect(box, &QCheckBox::toggled, this, [this, name = field.parameter.name] { tellEdited(name); });
    return box;
}

QWidget *SchemaForm::addInteger(Field &field) {
    auto *box = new QSpinBox;
    box->setRange(clampToInt(field.parameter.minimum), clampToInt(field.parameter.maximum));
    field.show = [box](const nlohmann::json &value) { box->setValue(value.get<int>()); };
    field.read = [box] { return nlohmann::json(box->value()); };
    connect(box, &QSpinBox::valueChanged, this, [this, name = field.parameter.name] { tellEdited(name); });
    return box;
}

QWidget *SchemaForm::addNumber(Field &field) {
    auto *box = new NumberBox;
    box->setRange(field.parameter.minimum, field.parameter.maximum);
    field.show = [box](const nlohmann::json &value) { box->setValue(value.get<double>()); };
    field.read = [box] { return nlohmann::json(box->value()); };
    connect(box, &NumberBox::valueChanged, this, [this, name = field.parameter.name] { tellEdited(name); });
    return box;
}

QWidget *SchemaForm::addChoice(Field &field) {
    auto *box = new QComboBox;
    for (const std::string &choice : field.parameter.choices)
        box->addItem(QString::fromStdString(choice));
    field.show = [box](const nlohmann::json &value) {
        box->setCurrentText(QString::fromStdString(value.get<std::string>()));
    };
    field.read = [box] { return nlohmann::json(box->currentText().toStdString()); };
    connect(box, &QComboBox::currentIndexChanged, this,
            [this, name = field.parameter.name] { tellEdited(name); });
    return box;
}

void SchemaForm::setValues(const nlohmann::json &values) {
    const QScopedValueRollback showing(m_showing, true);
    for (const Field &field : m_fields) {
        const nlohmann::json &fallback = field.parameter.defaultValue;
        const auto found = values.is_object() ? values.find(field.parameter.name) : values.end();
        // A value of another type (a recipe written by hand) shows as the default; the run reports it.
        const bool usable =
            values.is_object() && found != values.end() && (found->is_number() == fallback.is_number()) &&
            (found->is_string() == fallback.is_string()) && (found->is_boolean() == fallback.is_boolean());
        field.show(usable ? *found : fallback);
    }
}

nlohmann::json SchemaForm::values() const {
    nlohmann::json values = nlohmann::json::object();
    for (const Field &field : m_fields)
        values[field.parameter.name] = field.read();
    return values;
}

void SchemaForm::tellEdited(const std::string &name) {
    if (!m_showing)
        emit edited(QString::fromStdString(name));
}

} // namespace qs::views
