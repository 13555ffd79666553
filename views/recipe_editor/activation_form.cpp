#include "views/recipe_editor/activation_form.h"

#include "views/shared/form_widgets.h"
#include "views/shared/recipe_text.h"

#include <QLabel>
#include <QScopedValueRollback>

namespace qs::views {
namespace {

struct ScaleEntry {
    ActivationScale scale;
    const char *title;
    const char *note;
};

constexpr ScaleEntry kScales[] = {
    {ActivationScale::Static, "Static", "One scale for the tensor, chosen on the calibration set."},
    {ActivationScale::Token, "Per token",
     "The largest |x| of each token sets its scale while the model runs; nothing is clipped. Needs no "
     "calibration."},
    {ActivationScale::Cross, "CrossQuant",
     "Scale = tᵅ · c¹⁻ᵅ of the largest |x| of a token (t) and of a channel (c) in the batch. Experimental "
     "for deployment: no runtime has such a kernel. arXiv:2410.07505"},
    {ActivationScale::Region, "Two regions",
     "For activations behind GELU: one bit of a code says below 0 or not, and the step below 0 is finer by a "
     "power of "
     "two that the calibration set decides. Often worse than one asymmetric grid; the findings say by how "
     "much. "
     "Experimental. arXiv:2401.14895 (OPT-m)"},
};

} // namespace

ActivationForm::ActivationForm(QWidget *parent)
    : QWidget(parent), m_layout(new QFormLayout(this)), m_bits(new QComboBox), m_scale(new QComboBox),
      m_note(new QLabel), m_alpha(new NumberBox) {
    m_layout->setContentsMargins(0, 0, 0, 0);
    m_layout->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
    for (int bits = 2; bits <= 8; ++bits)
        m_bits->addItem(tr("INT%1").arg(bits), bits);
    for (const ScaleEntry &entry : kScales)
        m_scale->addItem(tr(entry.title), static_cast<int>(entry.scale));
    m_alpha->setRange(0, 1);
    m_note->setWordWrap(true);
    m_note->setForegroundRole(QPalette::PlaceholderText);
    addRows();
    setChoice({});
}

void ActivationForm::addRows() {
    m_layout->addRow(tr("Bits"), m_bits);
    m_layout->addRow(tr("Scale"), m_scale);
    m_layout->addRow(m_note);
    m_layout->addRow(tr("Alpha"), m_alpha);
    m_grid = new GridForm(m_layout, this);
    m_bits->setToolTip(tr("Bits of one code of an activation"));
    m_scale->setToolTip(tr("Where the scale of an activation comes from"));
    m_alpha->setToolTip(tr("Exponent of the token's share; 1 is one scale per token, the paper uses 0.15"));
    for (QWidget *field : std::initializer_list<QWidget *>{m_bits, m_scale, m_alpha})
        keepWheelForScrolling(field);
    connect(m_bits, &QComboBox::currentIndexChanged, this, [this] { tellEdited(QStringLiteral("bits")); });
    connect(m_scale, &QComboBox::currentIndexChanged, this, [this] {
        showScale();
        tellEdited(QStringLiteral("scale"));
    });
    connect(m_alpha, &NumberBox::valueChanged, this, [this] { tellEdited(QStringLiteral("alpha")); });
    connect(m_grid, &GridForm::edited, this, &ActivationForm::tellEdited);
}

void ActivationForm::setChoice(const ActivationChoice &choice) {
    const QScopedValueRollback showing(m_showing, true);
    m_bits->setCurrentIndex(m_bits->findData(choice.grid.bits));
    m_scale->setCurrentIndex(m_scale->findData(static_cast<int>(choice.scale)));
    m_alpha->setValue(choice.alpha);
    m_grid->setGrid(choice.grid);
    showScale();
}

ActivationChoice ActivationForm::choice() const {
    ActivationChoice choice;
    choice.grid = m_grid->grid();
    choice.grid.bits = m_bits->currentData().toInt();
    choice.scale = scale();
    choice.alpha = m_alpha->value();
    return choice;
}

ActivationScale ActivationForm::scale() const {
    return static_cast<ActivationScale>(m_scale->currentData().toInt());
}

void ActivationForm::showScale() {
    const bool isStatic = scale() == ActivationScale::Static;
    const bool fromToken = scale() == ActivationScale::Token || scale() == ActivationScale::Cross;
    GridScheme grid = m_grid->grid();
    if (fromToken && grid.convention == GridConvention::Asymmetric) {
        const QScopedValueRollback showing(m_showing, true);
        grid.convention = GridConvention::SymmetricRestricted;
        m_grid->setGrid(grid);
    }
    m_note->setText(tr(kScales[m_scale->currentIndex()].note));
    m_layout->setRowVisible(m_alpha, scale() == ActivationScale::Cross);
    m_grid->setRangeVisible(isStatic);
    m_grid->updateSupport([fromToken](QComboBox *box, int entry, const GridScheme &changed,
                                      const QString &toolTip) {
        const bool refused = fromToken && changed.convention == GridConvention::Asymmetric;
        setEntryEnabled(box, entry, refused ? tr("scales that come from the token are symmetric") : QString(),
                        toolTip);
    });
}

void ActivationForm::tellEdited(const QString &field) {
    if (!m_showing)
        emit edited(field);
}

} // namespace qs::views
