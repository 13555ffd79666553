#pragma once

#include "core/base/parameter_schema.h"

#include <QFormLayout>
#include <QWidget>
#include <functional>

namespace qs::views {

/// A form made from a parameter schema: a field per parameter, with its description as tooltip.
class SchemaForm final : public QWidget {
    Q_OBJECT
public:
    explicit SchemaForm(QWidget *parent = nullptr);

    /// Rebuilds the fields when the schema is another one; values start at their defaults.
    void setSchema(const ParameterSchema &schema);
    /// Shows values; names that are missing show their default. Does not emit edited().
    void setValues(const nlohmann::json &values);
    /// All parameters, those at their default too.
    nlohmann::json values() const;
    bool isEmpty() const { return m_fields.empty(); }

signals:
    void edited(const QString &name);

private:
    struct Field {
        Parameter parameter;
        std::function<void(const nlohmann::json &)> show;
        std::function<nlohmann::json()> read;
    };
    QWidget *addField(const Parameter &parameter);
    QWidget *addBoolean(Field &field);
    QWidget *addInteger(Field &field);
    QWidget *addNumber(Field &field);
    QWidget *addChoice(Field &field);
    void tellEdited(const std::string &name);

    QFormLayout *m_layout = nullptr;
    std::vector<Field> m_fields;
    bool m_showing = false;
};

} // namespace qs::views
