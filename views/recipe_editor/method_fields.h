#pragma once

#include "core/quant/method_registry.h"
#include "core/quant/recipe.h"

#include <QFormLayout>
#include <QObject>

class QComboBox;
class QLabel;

namespace qs::views {

class SchemaForm;

QString methodTitle(const MethodInfo &info);   ///< its name; experimental ones say so
QString methodToolTip(const MethodInfo &info); ///< summary, paper, status, cost, version, origin

/// The rows of a form that choose a method of one kind: which one, what it is and how far it can be trusted,
/// its parameters. A method that is not installed stays chosen, with its parameters.
class MethodFields final : public QObject {
    Q_OBJECT
public:
    MethodFields(std::shared_ptr<const MethodRegistry> methods, MethodKind kind, QFormLayout *layout,
                 QObject *parent);

    /// The first entry, when the method may be left out.
    void addNone(const QString &title);
    /// The rows go into the layout, which must outlive this object, where these are called.
    void addMethodRows(const QString &title, const QString &toolTip);
    void addParameterRow();
    QComboBox *box() const { return m_box; }

    /// Does not emit edited().
    void setChoice(const std::optional<MethodChoice> &choice);
    std::optional<MethodChoice> choice() const;

signals:
    void edited(const QString &field);

private:
    void showMethod();
    QString noteText(const MethodInfo *info) const;
    void tellEdited(const QString &field);

    std::shared_ptr<const MethodRegistry> m_methods;
    QFormLayout *m_layout = nullptr;
    QComboBox *m_box = nullptr;
    QLabel *m_note = nullptr;
    SchemaForm *m_parameters = nullptr;
    std::string m_shown;      ///< id; empty = none
    nlohmann::json m_foreign; ///< parameters of a method that the registry lacks
    bool m_showing = false;
};

} // namespace qs::views
