#include "views/recipe_editor/method_fields.h"

#include "core/quant/method_text.h"
#include "views/shared/form_widgets.h"
#include "views/shared/schema_form.h"

#include <QLabel>
#include <QScopedValueRollback>

namespace qs::views {

namespace {

/// "paper formula: follows …"; what is experimental is marked.
QString statusText(MethodStatus status) {
    const QString text = QStringLiteral("%1: %2").arg(QString::fromUtf8(methodStatusName(status).data()),
                                                      QString::fromStdString(methodStatusMeaning(status)));
    return status == MethodStatus::Experimental ? QStringLiteral("⚠ ") + text : text;
}

} // namespace

QString methodTitle(const MethodInfo &info) {
    const QString name = QString::fromStdString(info.name);
    return info.status == MethodStatus::Experimental ? MethodFields::tr("%1 (experimental)").arg(name) : name;
}

QString methodToolTip(const MethodInfo &info) {
    QStringList lines{QString::fromStdString(info.summary), QString::fromStdString(info.paper)};
    if (!info.cost.empty())
        lines << MethodFields::tr("Cost: %1").arg(QString::fromStdString(info.cost));
    if (info.needsCalibration())
        lines << MethodFields::tr("Needs a calibration set.");
    lines << MethodFields::tr("%1 · version %2 · %3")
                 .arg(statusText(info.status), QString::fromStdString(info.version),
                      QString::fromStdString(info.origin));
    lines.removeAll(QString());
    return lines.join('\n');
}

MethodFields::MethodFields(std::shared_ptr<const MethodRegistry> methods, MethodKind kind,
                           QFormLayout *layout, QObject *parent)
    : QObject(parent), m_methods(std::move(methods)), m_layout(layout), m_box(new QComboBox),
      m_note(new QLabel), m_parameters(new SchemaForm) {
    for (const MethodInfo *info : m_methods->infos()) {
        // A block method stands where a quantizer stands.
        const bool fits =
            info->kind == kind || (kind == MethodKind::Quantizer && info->kind == MethodKind::Block);
        if (!fits)
            continue;
        m_box->addItem(methodTitle(*info), QString::fromStdString(info->id));
        m_box->setItemData(m_box->count() - 1, methodToolTip(*info), Qt::ToolTipRole);
    }
    // Long names must not set the width of the form.
    m_box->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
    m_box->setMinimumContentsLength(10);
    keepWheelForScrolling(m_box);
    m_note->setWordWrap(true);
    m_note->setForegroundRole(QPalette::PlaceholderText);
    connect(m_box, &QComboBox::currentIndexChanged, this, [this] {
        if (m_showing)
            return;
        m_shown = m_box->currentData().toString().toStdString();
        m_box->setPlaceholderText({});
        showMethod();
        tellEdited(QStringLiteral("method"));
    });
    connect(m_parameters, &SchemaForm::edited, this, &MethodFields::tellEdited);
}

void MethodFields::addNone(const QString &title) {
    const QScopedValueRollback showing(m_showing, true);
    m_box->insertItem(0, title, QString());
    m_box->setCurrentIndex(0);
}

void MethodFields::addMethodRows(const QString &title, const QString &toolTip) {
    m_box->setToolTip(toolTip);
    m_box->setAccessibleName(title);
    m_layout->addRow(title, m_box);
    m_layout->addRow(m_note);
}

void MethodFields::addParameterRow() {
    m_layout->addRow(m_parameters);
}

void MethodFields::setChoice(const std::optional<MethodChoice> &choice) {
    const QScopedValueRollback showing(m_showing, true);
    m_shown = choice ? choice->method : std::string();
    m_foreign = choice ? choice->parameters : nlohmann::json::object();
    const int entry = m_box->findData(QString::fromStdString(m_shown));
    m_box->setCurrentIndex(entry);
    // A recipe may name a method whose plugin is not here: it stays in the recipe, and the field says so.
    m_box->setPlaceholderText(entry < 0 ? tr("%1 (missing)").arg(QString::fromStdString(m_shown))
                                        : QString());
    showMethod();
    m_parameters->setValues(m_foreign);
}

std::optional<MethodChoice> MethodFields::choice() const {
    if (m_shown.empty())
        return {};
    const bool known = m_box->currentIndex() >= 0;
    return MethodChoice{m_shown, known ? m_parameters->values() : m_foreign};
}

void MethodFields::showMethod() {
    const bool known = m_box->currentIndex() >= 0 && !m_shown.empty();
    const ParameterSchema *schema = known ? m_methods->schema(m_shown) : nullptr;
    m_parameters->setSchema(schema ? *schema : ParameterSchema());
    m_layout->setRowVisible(m_parameters, !m_parameters->isEmpty());
    const QString note = noteText(known ? m_methods->info(m_shown) : nullptr);
    m_note->setText(note);
    m_layout->setRowVisible(m_note, !note.isEmpty());
}

QString MethodFields::noteText(const MethodInfo *info) const {
    if (m_shown.empty())
        return {};
    if (info == nullptr)
        return tr("⚠ '%1' is missing: no plugin that is installed has it. The recipe keeps it as it is.")
            .arg(QString::fromStdString(m_shown));
    QStringList lines{QString::fromStdString(info->summary), statusText(info->status),
                      QString::fromStdString(info->paper)};
    lines.removeAll(QString());
    return lines.join('\n');
}

void MethodFields::tellEdited(const QString &field) {
    if (!m_showing)
        emit edited(field);
}

} // namespace qs::views
