#include "app/export_dialog.h"

#include "views/shared/schema_form.h"

#include <QComboBox>
#include <QDialogButtonBox>
#include <QFileDialog>
#include <QFormLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QToolButton>

namespace qs::app {

ExportDialog::ExportDialog(const QString &suggestion, QWidget *parent)
    : QDialog(parent), m_suggestion(suggestion), m_format(new QComboBox), m_file(new QLineEdit),
      m_note(new QLabel), m_options(new views::SchemaForm) {
    setWindowTitle(tr("Export model"));
    for (const auto &candidate : builtinExporters())
        m_format->addItem(QString::fromStdString(candidate->name()), QString::fromStdString(candidate->id()));
    auto *browseButton = new QToolButton;
    browseButton->setText(tr("Browse…"));
    connect(browseButton, &QToolButton::clicked, this, &ExportDialog::browse);
    auto *fileRow = new QHBoxLayout;
    fileRow->addWidget(m_file, 1);
    fileRow->addWidget(browseButton);
    m_file->setMinimumWidth(420);
    m_note->setForegroundRole(QPalette::PlaceholderText);

    auto *buttons = new QDialogButtonBox(QDialogButtonBox::Cancel);
    buttons->addButton(tr("Export"), QDialogButtonBox::AcceptRole);
    connect(buttons, &QDialogButtonBox::accepted, this, &QDialog::accept);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    auto *layout = new QFormLayout(this);
    layout->addRow(tr("Format"), m_format);
    layout->addRow(tr("File"), fileRow);
    layout->addRow(QString(), m_note);
    layout->addRow(m_options);
    layout->addRow(buttons);
    connect(m_format, &QComboBox::currentIndexChanged, this, &ExportDialog::showExporter);
    connect(m_file, &QLineEdit::textChanged, this, &ExportDialog::checkFile);
    showExporter();
}

const Exporter &ExportDialog::exporter() const {
    return *builtinExporters()[static_cast<std::size_t>(m_format->currentIndex())];
}

void ExportDialog::showExporter() {
    m_options->setSchema(exporter().schema());
    m_options->setVisible(!m_options->isEmpty());
    m_file->setText(m_suggestion + QString::fromStdString(exporter().fileSuffix()));
}

void ExportDialog::browse() {
    const QString suffix = QString::fromStdString(exporter().fileSuffix());
    const QString chosen = QFileDialog::getSaveFileName(
        this, tr("Export model"), file(), QStringLiteral("%1 (*%2)").arg(m_format->currentText(), suffix),
        nullptr, QFileDialog::DontConfirmOverwrite);
    if (!chosen.isEmpty())
        m_file->setText(chosen);
}

void ExportDialog::checkFile() {
    const QFileInfo target(file());
    m_note->setText(target.exists() ? tr("Replaces the existing file once the new one is whole and checked.")
                    : !target.dir().exists() ? tr("This folder does not exist.")
                                             : tr("The file is read back and compared after writing."));
}

QString ExportDialog::file() const {
    return m_file->text();
}
QString ExportDialog::exporterId() const {
    return m_format->currentData().toString();
}
nlohmann::json ExportDialog::options() const {
    return m_options->values();
}

} // namespace qs::app
