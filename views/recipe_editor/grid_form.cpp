#include "views/recipe_editor/grid_form.h"

#include "views/shared/form_widgets.h"
#include "views/shared/recipe_text.h"

#include <QScopedValueRollback>
#include <QSpinBox>

namespace qs::views {
namespace {

struct RuleEntry {
    RangeRule::Kind kind;
    const char *title;
    const char *toolTip;
};

constexpr RuleEntry kRules[] = {
    {RangeRule::Kind::MinMax, "Min-max",
     "From the smallest to the largest value: nothing is clipped, outliers cost steps."},
    {RangeRule::Kind::Percentile, "Percentile",
     "Leaves out the largest values beyond this percentile; they are clipped."},
    {RangeRule::Kind::Mse, "MSE search",
     "Shrinks the range step by step and keeps the one with the least Σ|Q(x) − x|ᵖ."},
    {RangeRule::Kind::Kl, "KL divergence",
     "Entropy calibration: the threshold whose quantized histogram loses the least information (2048 bins)."},
};

struct RoundingEntry {
    RoundingMode mode;
    const char *title;
};

constexpr RoundingEntry kRoundings[] = {
    {RoundingMode::HalfEven, "Half to even (IEEE, ONNX)"},
    {RoundingMode::HalfAway, "Half away from zero"},
    {RoundingMode::Floor, "Half up: floor(x + ½)"},
};

constexpr GridConvention kConventions[] = {GridConvention::Asymmetric, GridConvention::SymmetricOffset,
                                           GridConvention::SymmetricRestricted,
                                           GridConvention::SymmetricFull};

} // namespace

GridForm::GridForm(QFormLayout *layout, QObject *parent)
    : QObject(parent), m_layout(layout), m_convention(new QComboBox), m_rule(new QComboBox),
      m_rounding(new QComboBox), m_percentile(new NumberBox), m_norm(new NumberBox),
      m_maxShrink(new NumberBox), m_gridSteps(new QSpinBox) {
    for (const GridConvention convention : kConventions)
        m_convention->addItem(conventionText(convention), static_cast<int>(convention));
    for (const RuleEntry &rule : kRules)
        m_rule->addItem(tr(rule.title), static_cast<int>(rule.kind));
    for (const RoundingEntry &rounding : kRoundings)
        m_rounding->addItem(tr(rounding.title), static_cast<int>(rounding.mode));
    m_percentile->setRange(50, 100);
    m_norm->setRange(1, 4);
    m_maxShrink->setRange(0, 0.99);
    m_gridSteps->setRange(1, 10000);
    addRows();
    setGrid(m_grid);
    updateSupport([](QComboBox *box, int entry, const GridScheme &, const QString &toolTip) {
        setEntryEnabled(box, entry, {}, toolTip);
    });
}

void GridForm::addRows() {
    m_layout->addRow(tr("Convention"), m_convention);
    m_layout->addRow(tr("Range"), m_rule);
    m_layout->addRow(tr("Percentile (%)"), m_percentile);
    m_layout->addRow(tr("Norm p"), m_norm);
    m_layout->addRow(tr("Steps"), m_gridSteps);
    m_layout->addRow(tr("Max. shrink"), m_maxShrink);
    m_layout->addRow(tr("Rounding"), m_rounding);
    m_convention->setToolTip(tr("How a range becomes scale and zero point"));
    m_rule->setToolTip(tr("How the range that the grid covers is chosen"));
    m_percentile->setToolTip(tr("Share of the values that stay unclipped, in percent"));
    m_norm->setToolTip(tr("Exponent p of the error that the search minimises; 2 is the mean squared error"));
    m_gridSteps->setToolTip(tr("Candidates per unit of the shrink factor"));
    m_maxShrink->setToolTip(tr("The smallest range tried is (1 − this) of the full one"));
    m_rounding->setToolTip(tr("Where values half-way between two codes go"));
    for (QComboBox *box : {m_convention, m_rule, m_rounding}) {
        // Long names must not set the width of the form.
        box->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
        box->setMinimumContentsLength(10);
        keepWheelForScrolling(box);
    }
    for (QWidget *box : std::initializer_list<QWidget *>{m_percentile, m_norm, m_maxShrink, m_gridSteps})
        keepWheelForScrolling(box);
    connect(m_convention, &QComboBox::currentIndexChanged, this,
            [this] { tellEdited(QStringLiteral("convention")); });
    connect(m_rule, &QComboBox::currentIndexChanged, this, [this] {
        showRows();
        tellEdited(QStringLiteral("range"));
    });
    connect(m_rounding, &QComboBox::currentIndexChanged, this,
            [this] { tellEdited(QStringLiteral("rounding")); });
    connect(m_percentile, &NumberBox::valueChanged, this,
            [this] { tellEdited(QStringLiteral("percentile")); });
    connect(m_norm, &NumberBox::valueChanged, this, [this] { tellEdited(QStringLiteral("norm")); });
    connect(m_maxShrink, &NumberBox::valueChanged, this, [this] { tellEdited(QStringLiteral("shrink")); });
    connect(m_gridSteps, &QSpinBox::valueChanged, this, [this] { tellEdited(QStringLiteral("steps")); });
}

void GridForm::setGrid(const GridScheme &grid) {
    const QScopedValueRollback showing(m_showing, true);
    m_grid = grid;
    m_convention->setCurrentIndex(m_convention->findData(static_cast<int>(grid.convention)));
    m_rule->setCurrentIndex(m_rule->findData(static_cast<int>(grid.rule.kind)));
    m_rounding->setCurrentIndex(m_rounding->findData(static_cast<int>(grid.rounding)));
    m_percentile->setValue(grid.rule.percentile);
    m_norm->setValue(grid.rule.norm);
    m_maxShrink->setValue(grid.rule.maxShrink);
    m_gridSteps->setValue(grid.rule.gridSteps);
    showRows();
}

GridScheme GridForm::grid() const {
    GridScheme grid = m_grid;
    grid.convention = static_cast<GridConvention>(m_convention->currentData().toInt());
    grid.rounding = static_cast<RoundingMode>(m_rounding->currentData().toInt());
    grid.rule.kind = static_cast<RangeRule::Kind>(m_rule->currentData().toInt());
    grid.rule.percentile = m_percentile->value();
    grid.rule.norm = m_norm->value();
    grid.rule.maxShrink = m_maxShrink->value();
    grid.rule.gridSteps = m_gridSteps->value();
    return grid;
}

void GridForm::updateSupport(const EntryUpdate &update) {
    for (int i = 0; i < m_convention->count(); ++i) {
        GridScheme changed = grid();
        changed.convention = static_cast<GridConvention>(m_convention->itemData(i).toInt());
        update(m_convention, i, changed, conventionToolTip(changed.convention));
    }
    for (int i = 0; i < m_rule->count(); ++i) {
        GridScheme changed = grid();
        changed.rule.kind = static_cast<RangeRule::Kind>(m_rule->itemData(i).toInt());
        update(m_rule, i, changed, tr(kRules[i].toolTip));
    }
}

void GridForm::setVisible(bool visible) {
    m_visible = visible;
    showRows();
}

void GridForm::setRangeVisible(bool visible) {
    m_rangeVisible = visible;
    showRows();
}

void GridForm::showRows() {
    for (QWidget *box : std::initializer_list<QWidget *>{m_convention, m_rounding})
        m_layout->setRowVisible(box, m_visible);
    const bool range = m_visible && m_rangeVisible;
    const auto kind = static_cast<RangeRule::Kind>(m_rule->currentData().toInt());
    m_layout->setRowVisible(m_rule, range);
    m_layout->setRowVisible(m_percentile, range && kind == RangeRule::Kind::Percentile);
    for (QWidget *box : std::initializer_list<QWidget *>{m_norm, m_gridSteps, m_maxShrink})
        m_layout->setRowVisible(box, range && kind == RangeRule::Kind::Mse);
}

void GridForm::tellEdited(const QString &field) {
    if (!m_showing)
        emit edited(field);
}

} // namespace qs::views
