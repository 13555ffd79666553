#include "views/shared/figure_export_dialog.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDialogButtonBox>
#include <QDir>
#include <QDoubleSpinBox>
#include <QFileDialog>
#include <QFileInfo>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QScopedValueRollback>
#include <QSettings>
#include <QStandardPaths>
#include <QToolButton>

namespace qs::views {
namespace {

using Format = FigureRequest::Format;
using Background = FigureRequest::Background;

constexpr double kMillimetresPerInch = 25.4, kPixelsPerInch = 96;
constexpr const char *kSuffixes[] = {".svg", ".pdf", ".png", ".csv"};
const QString kGroup = QStringLiteral("figure");

struct Preset {
    const char *name;
    QSizeF millimetres; ///< empty: that of the figure, or what the user typed
};
const Preset kPresets[] = {
    {QT_TRANSLATE_NOOP("FigureExport", "Single column, 85 mm"), {85, 60}},
    {QT_TRANSLATE_NOOP("FigureExport", "One and a half columns, 120 mm"), {120, 80}},
    {QT_TRANSLATE_NOOP("FigureExport", "Double column, 178 mm"), {178, 100}},
    {QT_TRANSLATE_NOOP("FigureExport", "Slide, 254 × 143 mm"), {254, 143}},
    {QT_TRANSLATE_NOOP("FigureExport", "As it is"), {}},
    {QT_TRANSLATE_NOOP("FigureExport", "Other"), {}},
};
constexpr int kAsItIs = 4, kOther = 5;

/// The program remembers choices; tests and pictures, which have no name, do not.
bool remembers() {
    return !QCoreApplication::organizationName().isEmpty();
}

QDoubleSpinBox *lengthBox(const QString &name) {
    auto *box = new QDoubleSpinBox;
    box->setDecimals(2);
    box->setRange(0.1, 2000);
    box->setAccessibleName(name);
    box->setToolTip(name);
    return box;
}

} // namespace

FigureRequest rememberedFigureRequest() {
    FigureRequest request;
    if (!remembers())
        return request;
    QSettings settings;
    settings.beginGroup(kGroup);
    request.format = static_cast<Format>(std::clamp(settings.value("format", 0).toInt(), 0, 3));
    request.background = static_cast<Background>(std::clamp(settings.value("background", 0).toInt(), 0, 2));
    request.dpi = std::clamp(settings.value("dpi", request.dpi).toInt(), 48, 768);
    request.points = std::clamp(settings.value("points", request.points).toDouble(), 4.0, 24.0);
    const QSizeF size = settings.value("millimetres", request.millimetres).toSizeF();
    if (size.width() >= 5 && size.height() >= 5)
        request.millimetres = size;
    return request;
}

FigureExportDialog::FigureExportDialog(const QString &name, QSize natural, const QString &caption,
                                       QWidget *parent)
    : QDialog(parent), m_name(name), m_natural(QSizeF(natural) * kMillimetresPerInch / kPixelsPerInch),
      m_format(new QComboBox), m_preset(new QComboBox), m_unit(new QComboBox), m_background(new QComboBox),
      m_width(lengthBox(tr("Width"))), m_height(lengthBox(tr("Height"))), m_points(new QDoubleSpinBox),
      m_dpi(new QSpinBox), m_hasCaption(new QCheckBox(tr("Caption"))), m_caption(new QPlainTextEdit),
      m_file(new QLineEdit), m_note(new QLabel) {
    setObjectName(QStringLiteral("figure_export"));
    setWindowTitle(tr("Export figure"));
    addRows(caption);
    auto *buttons = new QDialogButtonBox(QDialogButtonBox::Cancel);
    auto *save = buttons->addButton(tr("Export"), QDialogButtonBox::AcceptRole);
    save->setDefault(true);
    m_copy = buttons->addButton(tr("Copy"), QDialogButtonBox::ActionRole);
    m_copy->setToolTip(tr("To the clipboard, as PNG and SVG"));
    static_cast<QFormLayout *>(layout())->addRow(buttons);
    connect(buttons, &QDialogButtonBox::accepted, this, [this] {
        remember();
        emit exportWanted();
        accept();
    });
    connect(m_copy, &QPushButton::clicked, this, [this] {
        remember();
        emit copyWanted();
        accept();
    });
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    restore();
    for (QComboBox *box : {m_format, m_background})
        connect(box, &QComboBox::currentIndexChanged, this, &FigureExportDialog::updateState);
    for (QDoubleSpinBox *box : {m_width, m_height})
        connect(box, &QDoubleSpinBox::valueChanged, this, [this] {
            if (!m_fitting)
                m_preset->setCurrentIndex(kOther);
            updateState();
        });
    connect(m_dpi, &QSpinBox::valueChanged, this, &FigureExportDialog::updateState);
    connect(m_preset, &QComboBox::currentIndexChanged, this, &FigureExportDialog::choosePreset);
    connect(m_unit, &QComboBox::currentIndexChanged, this, &FigureExportDialog::changeUnit);
    connect(m_hasCaption, &QCheckBox::toggled, this, &FigureExportDialog::updateState);
    connect(m_file, &QLineEdit::textChanged, this, &FigureExportDialog::updateState);
    updateState();
}

void FigureExportDialog::addRows(const QString &caption) {
    for (const QString &format : {tr("SVG, texts stay editable"), tr("PDF"), tr("PNG"), tr("CSV, the data")})
        m_format->addItem(format);
    for (const QString &background : {tr("White"), tr("Transparent"), tr("As in the window")})
        m_background->addItem(background);
    m_dpi->setRange(48, 768);
    m_dpi->setSuffix(tr(" dpi"));
    m_dpi->setToolTip(tr("Dots per inch of a PNG, and of the cells of maps in SVG and PDF"));
    m_points->setRange(4, 24);
    m_points->setSingleStep(0.5);
    m_points->setDecimals(1);
    m_points->setSuffix(tr(" pt"));
    m_points->setToolTip(tr("Of labels on paper, whatever the size of the figure"));
    m_caption->setPlainText(caption);
    m_caption->setTabChangesFocus(true);
    m_caption->setAccessibleName(tr("Text of the caption"));
    m_caption->setMaximumHeight(5 * fontMetrics().lineSpacing());
    m_note->setForegroundRole(QPalette::PlaceholderText);
    m_note->setWordWrap(true);
    auto *rows = new QFormLayout(this);
    rows->addRow(tr("&Format"), m_format);
    rows->addRow(tr("&Size"), makeSizeRow());
    rows->addRow(tr("&Resolution"), m_dpi);
    rows->addRow(tr("&Text size"), m_points);
    rows->addRow(tr("&Background"), m_background);
    rows->addRow(m_hasCaption, m_caption);
    rows->addRow(tr("F&ile"), makeFileRow());
    rows->addRow(QString(), m_note);
}

QWidget *FigureExportDialog::makeSizeRow() {
    for (const Preset &preset : kPresets)
        m_preset->addItem(QCoreApplication::translate("FigureExport", preset.name));
    m_preset->setAccessibleName(tr("Usual sizes"));
    m_unit->addItems({tr("mm"), tr("in")});
    m_unit->setAccessibleName(tr("Unit"));
    auto *row = new QWidget;
    auto *layout = new QHBoxLayout(row);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(m_preset, 1);
    layout->addWidget(m_width);
    layout->addWidget(new QLabel(QStringLiteral("×")));
    layout->addWidget(m_height);
    layout->addWidget(m_unit);
    row->setFocusProxy(m_preset);
    return row;
}

QWidget *FigureExportDialog::makeFileRow() {
    auto *browseButton = new QToolButton;
    browseButton->setText(tr("Browse…"));
    connect(browseButton, &QToolButton::clicked, this, &FigureExportDialog::browse);
    m_file->setMinimumWidth(380);
    m_file->setAccessibleName(tr("File"));
    auto *row = new QWidget;
    auto *layout = new QHBoxLayout(row);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(m_file, 1);
    layout->addWidget(browseButton);
    row->setFocusProxy(m_file);
    return row;
}

void FigureExportDialog::restore() {
    const FigureRequest last = rememberedFigureRequest();
    m_folder = QStandardPaths::writableLocation(QStandardPaths::DocumentsLocation);
    if (!QDir(m_folder).exists())
        m_folder = QDir::homePath();
    bool caption = true, inches = false;
    if (remembers()) {
        QSettings settings;
        settings.beginGroup(kGroup);
        m_folder = settings.value("folder", m_folder).toString();
        caption = settings.value("caption", true).toBool();
        inches = settings.value("inches", false).toBool();
    }
    m_format->setCurrentIndex(static_cast<int>(last.format));
    m_background->setCurrentIndex(static_cast<int>(last.background));
    m_dpi->setValue(last.dpi);
    m_points->setValue(last.points);
    m_hasCaption->setChecked(caption);
    m_unit->setCurrentIndex(inches ? 1 : 0);
    m_millimetresPerUnit = perUnit();
    showSize(last.millimetres);
    const auto preset = std::find_if(std::begin(kPresets), std::end(kPresets), [&](const Preset &candidate) {
        return candidate.millimetres == last.millimetres;
    });
    m_preset->setCurrentIndex(preset == std::end(kPresets) ? kOther
                                                           : static_cast<int>(preset - std::begin(kPresets)));
    m_file->setText(QDir(m_folder).filePath(m_name + suffix()));
}

void FigureExportDialog::remember() const {
    if (!remembers())
        return;
    const FigureRequest chosen = request();
    QSettings settings;
    settings.beginGroup(kGroup);
    settings.setValue("format", static_cast<int>(chosen.format));
    settings.setValue("background", static_cast<int>(chosen.background));
    settings.setValue("dpi", chosen.dpi);
    settings.setValue("points", chosen.points);
    settings.setValue("millimetres", chosen.millimetres);
    settings.setValue("caption", m_hasCaption->isChecked());
    settings.setValue("inches", m_unit->currentIndex() == 1);
    settings.setValue("folder", QFileInfo(file()).absolutePath());
}

FigureRequest::Format FigureExportDialog::format() const {
    return static_cast<Format>(m_format->currentIndex());
}
QString FigureExportDialog::suffix() const {
    return QString::fromLatin1(kSuffixes[m_format->currentIndex()]);
}
double FigureExportDialog::perUnit() const {
    return m_unit->currentIndex() == 1 ? kMillimetresPerInch : 1;
}
QString FigureExportDialog::file() const {
    return m_file->text();
}

FigureRequest FigureExportDialog::request() const {
    FigureRequest request;
    request.format = format();
    request.millimetres = QSizeF(m_width->value(), m_height->value()) * m_millimetresPerUnit;
    request.dpi = m_dpi->value();
    request.points = m_points->value();
    request.background = static_cast<Background>(m_background->currentIndex());
    if (m_hasCaption->isChecked())
        request.caption = m_caption->toPlainText().trimmed();
    return request;
}

void FigureExportDialog::showSize(QSizeF millimetres) {
    const QScopedValueRollback fitting(m_fitting, true);
    m_width->setValue(millimetres.width() / m_millimetresPerUnit);
    m_height->setValue(millimetres.height() / m_millimetresPerUnit);
}

void FigureExportDialog::suggestNaturalSize() {
    m_preset->setCurrentIndex(kAsItIs);
}

void FigureExportDialog::choosePreset(int index) {
    if (index == kAsItIs)
        showSize(m_natural);
    else if (index != kOther)
        showSize(kPresets[index].millimetres);
}

void FigureExportDialog::changeUnit() {
    const QSizeF size = request().millimetres;
    m_millimetresPerUnit = perUnit();
    showSize(size);
}

void FigureExportDialog::updateState() {
    const bool table = format() == Format::Csv;
    for (QWidget *field :
         {static_cast<QWidget *>(m_preset), static_cast<QWidget *>(m_width), static_cast<QWidget *>(m_height),
          static_cast<QWidget *>(m_unit), static_cast<QWidget *>(m_dpi), static_cast<QWidget *>(m_points),
          static_cast<QWidget *>(m_background)})
        field->setEnabled(!table);
    m_caption->setEnabled(m_hasCaption->isChecked());
    const QFileInfo target(file());
    if (!file().isEmpty() && '.' + target.suffix() != suffix()) {
        const bool known = std::any_of(std::begin(kSuffixes), std::end(kSuffixes), [&](const char *other) {
            return '.' + target.suffix() == QLatin1String(other);
        });
        if (known) // the format was changed: the name follows
            return m_file->setText(target.path() + '/' + target.completeBaseName() + suffix());
    }
    const QSizeF dots = request().millimetres / kMillimetresPerInch * m_dpi->value();
    QStringList notes;
    if (format() == Format::Png)
        notes << tr("%1 × %2 dots.").arg(std::lround(dots.width())).arg(std::lround(dots.height()));
    if (table)
        notes << tr("Data of what is shown; the caption stands in lines that begin with #.");
    if (!target.dir().exists())
        notes << tr("This folder does not exist.");
    else if (target.exists())
        notes << tr("Replaces the existing file.");
    m_note->setText(notes.join(' '));
}

void FigureExportDialog::browse() {
    auto *dialog = new QFileDialog(this, tr("Export figure"), QFileInfo(file()).path());
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setAcceptMode(QFileDialog::AcceptSave);
    dialog->setNameFilter(QStringLiteral("%1 (*%2)").arg(suffix().mid(1).toUpper(), suffix()));
    dialog->setDefaultSuffix(suffix().mid(1));
    dialog->selectFile(QFileInfo(file()).fileName());
    dialog->setOption(QFileDialog::DontConfirmOverwrite);
    connect(dialog, &QFileDialog::fileSelected, m_file, &QLineEdit::setText);
    dialog->open();
}

} // namespace qs::views
