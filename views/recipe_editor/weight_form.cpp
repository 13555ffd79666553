#include "views/recipe_editor/weight_form.h"

#include "views/recipe_editor/method_support.h"
#include "views/shared/form_widgets.h"
#include "views/shared/schema_form.h"

#include <QCheckBox>
#include <QLabel>
#include <QScopedValueRollback>
#include <QSpinBox>

namespace qs::views {
namespace {

QString statusText(MethodStatus status) {
    switch (status) {
    case MethodStatus::ReferenceChecked:
        return WeightForm::tr("checked against the authors' code");
    case MethodStatus::PaperFormula:
        return WeightForm::tr("follows the paper's formulas; no reference code to check with");
    case MethodStatus::Experimental:
        return WeightForm::tr("experimental");
    }
    return {};
}

QString methodToolTip(const MethodInfo &info) {
    return WeightForm::tr("%1\n%2\n%3 · version %4 · %5")
        .arg(QString::fromStdString(info.summary), QString::fromStdString(info.paper),
             statusText(info.status), QString::fromStdString(info.version),
             QString::fromStdString(info.origin));
}

} // namespace

WeightForm::WeightForm(std::shared_ptr<const MethodRegistry> methods, QWidget *parent)
    : QWidget(parent), m_methods(std::move(methods)), m_layout(new QFormLayout(this)),
      m_method(new QComboBox), m_bits(new QComboBox), m_granularity(new QComboBox), m_groupSize(new QSpinBox),
      m_scaleAsFloat16(new QCheckBox(tr("Scales as float16"))), m_parameters(new SchemaForm),
      m_methodNote(new QLabel), m_refusal(new QLabel) {
    m_layout->setContentsMargins(0, 0, 0, 0);
    m_layout->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
    fillMethods();
    for (int bits = 2; bits <= 8; ++bits)
        m_bits->addItem(tr("INT%1").arg(bits), bits);
    m_granularity->addItem(tr("Per tensor"), static_cast<int>(Granularity::PerTensor));
    m_granularity->addItem(tr("Per output channel"), static_cast<int>(Granularity::PerChannel));
    m_granularity->addItem(tr("Groups of inputs"), static_cast<int>(Granularity::PerGroup));
    m_groupSize->setRange(1, 1 << 24);
    m_groupSize->setKeyboardTracking(false);
    addRows();
    setChoice({});
}

void WeightForm::fillMethods() {
    for (const auto &method : m_methods->all())
        m_method->addItem(QString::fromStdString(method->info().name),
                          QString::fromStdString(method->info().id));
}

void WeightForm::addRows() {
    for (QLabel *label : {m_methodNote, m_refusal}) {
        label->setWordWrap(true);
        label->setForegroundRole(QPalette::PlaceholderText);
    }
    m_layout->addRow(tr("Method"), m_method);
    m_layout->addRow(m_methodNote);
    m_layout->addRow(m_refusal);
    m_layout->addRow(tr("Bits"), m_bits);
    m_layout->addRow(tr("Scales"), m_granularity);
    m_layout->addRow(tr("Group size"), m_groupSize);
    m_grid = new GridForm(m_layout, this);
    m_layout->addRow(m_scaleAsFloat16);
    m_layout->addRow(m_parameters);
    m_method->setToolTip(tr("Decides the code of each weight"));
    m_bits->setToolTip(tr("Bits of one code"));
    m_granularity->setToolTip(tr("Which weights share one scale and zero point"));
    m_groupSize->setToolTip(tr("Consecutive inputs of an output channel that share one scale"));
    m_scaleAsFloat16->setToolTip(tr("Stores scales in 16 bits; they are rounded before codes are made"));
    for (QWidget *field : std::initializer_list<QWidget *>{m_method, m_bits, m_granularity, m_groupSize})
        keepWheelForScrolling(field);
    connect(m_method, &QComboBox::currentIndexChanged, this, [this] {
        if (!m_showing)
            showMethod();
        tellEdited(QStringLiteral("method"));
    });
    connect(m_bits, &QComboBox::currentIndexChanged, this, [this] { tellEdited(QStringLiteral("bits")); });
    connect(m_granularity, &QComboBox::currentIndexChanged, this, [this] {
        showGroupSize();
        tellEdited(QStringLiteral("granularity"));
    });
    connect(m_groupSize, &QSpinBox::valueChanged, this, [this] { tellEdited(QStringLiteral("groupSize")); });
    connect(m_scaleAsFloat16, &QCheckBox::toggled, this,
            [this] { tellEdited(QStringLiteral("scaleAsFloat16")); });
    connect(m_grid, &GridForm::edited, this, &WeightForm::tellEdited);
    connect(m_parameters, &SchemaForm::edited, this, &WeightForm::tellEdited);
}

void WeightForm::setChoice(const WeightChoice &choice) {
    const QScopedValueRollback showing(m_showing, true);
    const int entry = m_method->findData(QString::fromStdString(choice.method));
    m_method->setCurrentIndex(entry);
    // A recipe may name a method whose plugin is not here: it stays in the recipe, and the field says so.
    m_method->setPlaceholderText(entry < 0 ? tr("%1 (missing)").arg(QString::fromStdString(choice.method))
                                           : QString());
    m_shownMethod = choice.method;
    m_foreignParameters = choice.parameters;
    m_branch = choice.branch;
    m_correctBias = choice.correctBias;
    m_bits->setCurrentIndex(m_bits->findData(choice.scheme.grid.bits));
    m_granularity->setCurrentIndex(m_granularity->findData(static_cast<int>(choice.scheme.granularity)));
    m_groupSize->setValue(static_cast<int>(choice.scheme.groupSize));
    m_grid->setGrid(choice.scheme.grid);
    m_scaleAsFloat16->setChecked(choice.scheme.scaleAsFloat16);
    showMethod();
    m_parameters->setValues(choice.parameters);
    showGroupSize();
}

WeightChoice WeightForm::choice() const {
    WeightChoice choice;
    choice.method = m_shownMethod;
    choice.scheme.grid = m_grid->grid();
    choice.scheme.grid.bits = m_bits->currentData().toInt();
    choice.scheme.granularity = static_cast<Granularity>(m_granularity->currentData().toInt());
    choice.scheme.groupSize = m_groupSize->value();
    choice.scheme.scaleAsFloat16 = m_scaleAsFloat16->isChecked();
    choice.parameters = m_methods->find(m_shownMethod) ? m_parameters->values() : m_foreignParameters;
    choice.branch = m_branch;
    choice.correctBias = m_correctBias;
    return choice;
}

void WeightForm::showMethod() {
    if (m_method->currentIndex() >= 0)
        m_shownMethod = m_method->currentData().toString().toStdString();
    const auto method = m_methods->find(m_shownMethod);
    m_parameters->setSchema(method ? method->schema() : ParameterSchema());
    m_layout->setRowVisible(m_parameters, !m_parameters->isEmpty());
    const QString note = method ? QString::fromStdString(method->info().summary) : QString();
    m_methodNote->setText(note);
    m_layout->setRowVisible(m_methodNote, !note.isEmpty());
}

void WeightForm::showGroupSize() {
    const auto granularity = static_cast<Granularity>(m_granularity->currentData().toInt());
    m_layout->setRowVisible(m_groupSize, granularity == Granularity::PerGroup);
}

void WeightForm::updateEntry(QComboBox *box, int entry, const WeightChoice &changed,
                             const std::vector<const Layer *> &layers, const QString &toolTip) {
    const MethodSupport support = methodSupport(changed, *m_methods, layers);
    const QString partly =
        support.refused > 0
            ? tr("\nNot for %1 of %2 layers: %3").arg(support.refused).arg(support.layers).arg(support.reason)
            : QString();
    setEntryEnabled(box, entry, support.none() ? support.reason : QString(), (toolTip + partly).trimmed());
}

void WeightForm::updateSupport(const std::vector<const Layer *> &layers) {
    const WeightChoice current = choice();
    for (int i = 0; i < m_bits->count(); ++i) {
        WeightChoice changed = current;
        changed.scheme.grid.bits = m_bits->itemData(i).toInt();
        updateEntry(m_bits, i, changed, layers, {});
    }
    for (int i = 0; i < m_granularity->count(); ++i) {
        WeightChoice changed = current;
        changed.scheme.granularity = static_cast<Granularity>(m_granularity->itemData(i).toInt());
        updateEntry(m_granularity, i, changed, layers, {});
    }
    for (int i = 0; i < m_method->count(); ++i) {
        WeightChoice changed = current;
        changed.method = m_method->itemData(i).toString().toStdString();
        changed.parameters = nlohmann::json::object();
        updateEntry(m_method, i, changed, layers, methodToolTip(m_methods->find(changed.method)->info()));
    }
    m_grid->updateSupport([&](QComboBox *box, int entry, const GridScheme &grid, const QString &toolTip) {
        WeightChoice changed = current;
        changed.scheme.grid = grid;
        changed.scheme.grid.bits = current.scheme.grid.bits;
        updateEntry(box, entry, changed, layers, toolTip);
    });
    const MethodSupport support = methodSupport(current, *m_methods, layers);
    m_refusal->setText(tr("⚠ %1 of %2 layers stay in float. %3")
                           .arg(support.refused)
                           .arg(support.layers)
                           .arg(support.reason));
    m_layout->setRowVisible(m_refusal, support.refused > 0);
}

void WeightForm::tellEdited(const QString &field) {
    if (!m_showing)
        emit edited(field);
}

} // namespace qs::views
