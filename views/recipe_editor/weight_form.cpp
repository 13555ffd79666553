#include "views/recipe_editor/weight_form.h"

#include "views/recipe_editor/method_fields.h"
#include "views/recipe_editor/method_support.h"
#include "views/shared/form_widgets.h"

#include <QCheckBox>
#include <QLabel>
#include <QScopedValueRollback>
#include <QSpinBox>
#include <algorithm>
#include <tuple>

namespace qs::views {
namespace {

constexpr WeightExtent kTypicalWeight{256, 256, 1};
constexpr std::size_t kJudgedExtents = 3;

} // namespace

WeightForm::WeightForm(std::shared_ptr<const MethodRegistry> methods, QWidget *parent)
    : QWidget(parent), m_methods(std::move(methods)), m_layout(new QFormLayout(this)),
      m_method(new MethodFields(m_methods, MethodKind::Quantizer, m_layout, this)),
      m_branch(new MethodFields(m_methods, MethodKind::Branch, m_layout, this)), m_bits(new QComboBox),
      m_granularity(new QComboBox), m_groupSize(new QSpinBox),
      m_scaleAsFloat16(new QCheckBox(tr("Scales as float16"))), m_refusal(new QLabel) {
    for (const CorrectionInfo &correction : corrections())
        m_corrections[correction.kind] = new QCheckBox(QString::fromUtf8(correction.name));
    m_layout->setContentsMargins(0, 0, 0, 0);
    m_layout->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
    m_branch->addNone(tr("None"));
    for (int bits = 1; bits <= 8; ++bits)
        m_bits->addItem(bits == 1 ? tr("1 bit") : tr("INT%1").arg(bits), bits);
    m_granularity->addItem(tr("Per tensor"), static_cast<int>(Granularity::PerTensor));
    m_granularity->addItem(tr("Per output channel"), static_cast<int>(Granularity::PerChannel));
    m_granularity->addItem(tr("Groups of inputs"), static_cast<int>(Granularity::PerGroup));
    m_groupSize->setRange(1, 1 << 24);
    m_groupSize->setKeyboardTracking(false);
    addRows();
    connectFields();
    setChoice({});
}

void WeightForm::addRows() {
    m_refusal->setWordWrap(true);
    m_refusal->setForegroundRole(QPalette::PlaceholderText);
    m_method->addMethodRows(tr("Method"), tr("Decides the code of each weight"));
    m_layout->addRow(m_refusal);
    addScaleRows();
    m_method->addParameterRow();
    m_branch->addMethodRows(tr("Branch"), tr("Splits the weight: a low-rank product in float16 beside what "
                                             "the method quantizes"));
    m_branch->addParameterRow();
    for (const CorrectionInfo &correction : corrections()) {
        QCheckBox *box = m_corrections[correction.kind];
        m_layout->addRow(box);
        box->setToolTip(
            tr("%1 %2. Needs a calibration set.")
                .arg(QString::fromUtf8(correction.summary), QString::fromUtf8(correction.source)));
    }
    if (m_branch->box()->count() == 1)
        m_branch->box()->setToolTip(tr("No plugin that is installed has a branch method"));
}

void WeightForm::addScaleRows() {
    m_layout->addRow(tr("Bits"), m_bits);
    m_layout->addRow(tr("Scales"), m_granularity);
    m_layout->addRow(tr("Group size"), m_groupSize);
    m_grid = new GridForm(m_layout, this);
    m_layout->addRow(m_scaleAsFloat16);
    m_bits->setToolTip(tr("Bits of one code"));
    m_granularity->setToolTip(tr("Which weights share one scale and zero point"));
    m_groupSize->setToolTip(tr("Consecutive inputs of an output channel that share one scale"));
    m_scaleAsFloat16->setToolTip(tr("Stores scales in 16 bits; they are rounded before codes are made"));
    for (QWidget *field : std::initializer_list<QWidget *>{m_bits, m_granularity, m_groupSize})
        keepWheelForScrolling(field);
}

void WeightForm::connectFields() {
    connect(m_bits, &QComboBox::currentIndexChanged, this, [this] { tellEdited(QStringLiteral("bits")); });
    connect(m_granularity, &QComboBox::currentIndexChanged, this, [this] {
        showGroupSize();
        tellEdited(QStringLiteral("granularity"));
    });
    connect(m_groupSize, &QSpinBox::valueChanged, this, [this] { tellEdited(QStringLiteral("groupSize")); });
    connect(m_scaleAsFloat16, &QCheckBox::toggled, this,
            [this] { tellEdited(QStringLiteral("scaleAsFloat16")); });
    for (const CorrectionInfo &correction : corrections())
        connect(m_corrections[correction.kind], &QCheckBox::toggled, this,
                [this, key = QString::fromUtf8(correction.key)] { tellEdited(key); });
    connect(m_grid, &GridForm::edited, this, &WeightForm::tellEdited);
    connect(m_method, &MethodFields::edited, this, [this](const QString &field) {
        if (field == QStringLiteral("method"))
            adoptScheme();
        tellEdited(field);
    });
    connect(m_branch, &MethodFields::edited, this,
            [this](const QString &field) { tellEdited(QStringLiteral("branch ") + field); });
}

void WeightForm::setChoice(const WeightChoice &choice) {
    const QScopedValueRollback showing(m_showing, true);
    m_method->setChoice(MethodChoice{choice.method, choice.parameters});
    m_branch->setChoice(choice.branch);
    for (const auto &[kind, box] : m_corrections)
        box->setChecked(choice.corrects(kind));
    showScheme(choice.scheme);
}

void WeightForm::showScheme(const WeightGridScheme &scheme) {
    const QScopedValueRollback showing(m_showing, true);
    m_bits->setCurrentIndex(m_bits->findData(scheme.grid.bits));
    m_granularity->setCurrentIndex(m_granularity->findData(static_cast<int>(scheme.granularity)));
    m_groupSize->setValue(static_cast<int>(scheme.groupSize));
    m_grid->setGrid(scheme.grid);
    m_scaleAsFloat16->setChecked(scheme.scaleAsFloat16);
    showGroupSize();
}

std::optional<WeightGridScheme> WeightForm::schemeFor(const WeightChoice &choice) const {
    const auto method = m_methods->find(choice.method);
    if (!method)
        return std::nullopt;
    const auto parameters = method->schema().complete(choice.parameters);
    return parameters ? acceptedScheme(*method, *parameters, choice.scheme, m_extents) : std::nullopt;
}

void WeightForm::adoptScheme() {
    if (const auto scheme = schemeFor(choice()))
        showScheme(*scheme);
}

WeightChoice WeightForm::choice() const {
    WeightChoice choice;
    const MethodChoice method = m_method->choice().value_or(MethodChoice{});
    choice.method = method.method;
    choice.parameters = method.parameters;
    choice.scheme.grid = m_grid->grid();
    choice.scheme.grid.bits = m_bits->currentData().toInt();
    choice.scheme.granularity = static_cast<Granularity>(m_granularity->currentData().toInt());
    choice.scheme.groupSize = m_groupSize->value();
    choice.scheme.scaleAsFloat16 = m_scaleAsFloat16->isChecked();
    choice.branch = m_branch->choice();
    for (const auto &[kind, box] : m_corrections)
        if (box->isChecked())
            choice.corrections.insert(kind);
    return choice;
}

void WeightForm::showGroupSize() {
    const auto granularity = static_cast<Granularity>(m_granularity->currentData().toInt());
    m_layout->setRowVisible(m_groupSize, granularity == Granularity::PerGroup);
}

bool WeightForm::takesAnotherScheme(const WeightChoice &changed) {
    const auto [known, isNew] = m_takesSome.try_emplace(changed.method);
    if (isNew)
        known->second = schemeFor(changed).has_value();
    return known->second;
}

void WeightForm::updateMethodEntry(int entry, const WeightChoice &changed,
                                   const std::vector<const Layer *> &layers) {
    const QString toolTip = methodToolTip(*m_methods->info(changed.method));
    const MethodSupport support = methodSupport(changed, *m_methods, layers);
    if (support.none() && takesAnotherScheme(changed))
        setEntryEnabled(m_method->box(), entry, {},
                        tr("%1\nChoosing it changes bits, scales or convention to what it takes: %2")
                            .arg(toolTip, support.reason));
    else
        updateEntry(m_method->box(), entry, changed, layers, toolTip);
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

void WeightForm::updateGridEntries(const WeightChoice &current, const std::vector<const Layer *> &layers) {
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
    m_grid->updateSupport([&](QComboBox *box, int entry, const GridScheme &grid, const QString &toolTip) {
        WeightChoice changed = current;
        changed.scheme.grid = grid;
        changed.scheme.grid.bits = current.scheme.grid.bits;
        updateEntry(box, entry, changed, layers, toolTip);
    });
}

void WeightForm::updateMethodEntries(const WeightChoice &current, const std::vector<const Layer *> &layers) {
    for (int i = 0; i < m_method->box()->count(); ++i) {
        WeightChoice changed = current;
        changed.method = m_method->box()->itemData(i).toString().toStdString();
        changed.parameters = nlohmann::json::object();
        changed.branch.reset();
        updateMethodEntry(i, changed, layers);
    }
    for (int i = 1; i < m_branch->box()->count(); ++i) { // 0 is none
        WeightChoice changed = current;
        changed.branch.emplace().method = m_branch->box()->itemData(i).toString().toStdString();
        updateEntry(m_branch->box(), i, changed, layers,
                    methodToolTip(*m_methods->info(changed.branch->method)));
    }
}

void WeightForm::takeExtents(const std::vector<const Layer *> &layers) {
    std::vector<WeightExtent> extents;
    for (const Layer *layer : layers)
        extents.push_back({layer->outChannels, layer->inPerOut, layer->groups});
    if (extents.empty())
        extents.push_back(kTypicalWeight);
    // The largest decide: formats with long blocks take no short rows.
    std::ranges::sort(extents, std::greater(),
                      [](const WeightExtent &each) { return std::tuple(each.rows * each.cols, each); });
    extents.erase(std::unique(extents.begin(), extents.end()), extents.end());
    extents.resize(std::min(extents.size(), kJudgedExtents));
    if (extents != m_extents)
        m_takesSome.clear();
    m_extents = std::move(extents);
}

void WeightForm::updateSupport(const std::vector<const Layer *> &layers) {
    takeExtents(layers);
    const WeightChoice current = choice();
    updateGridEntries(current, layers);
    updateMethodEntries(current, layers);
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
