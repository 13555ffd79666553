#include "app/difference_dialog.h"

#include "app/open_dialog.h"
#include "core/graph/weight_difference.h"
#include "core/io/model_difference.h"
#include "views/shared/file_path.h"
#include "views/shared/workbench_context.h"

#include <QDialogButtonBox>
#include <QDir>
#include <QFileDialog>
#include <QFormLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPointer>
#include <QPushButton>
#include <QToolButton>

namespace qs::app {

using views::nameOf;
using views::toPath;

namespace {

QString firstOf(const QStringList &files) {
    return files.isEmpty() ? QString() : files.front();
}

} // namespace

DifferenceDialog::DifferenceDialog(std::filesystem::path tuned, const QString &suggestion, QWidget *parent)
    : QDialog(parent), m_tuned(std::move(tuned)), m_base(new QLineEdit), m_file(new QLineEdit(suggestion)),
      m_note(new QLabel) {
    setWindowTitle(tr("Difference to another model"));
    m_note->setWordWrap(true);
    m_note->setMinimumHeight(3 * m_note->fontMetrics().lineSpacing());
    auto *layout = new QFormLayout(this);
    layout->addRow(tr("Tuned"), new QLabel(nameOf(m_tuned)));
    layout->addRow(
        tr("Base"),
        makeRow(m_base, tr("Base"), tr("What is subtracted: a file, or the folder of a model"),
                {{tr("File…"), [this] { return firstOf(askFilesToOpen(this, OpenPurpose::Any)); }},
                 {tr("Folder…"), [this] { return firstOf(askFilesToOpen(this, OpenPurpose::Folder)); }}}));
    layout->addRow(tr("File"),
                   makeRow(m_file, tr("File"),
                           tr("A small file that names both models, and opens as their difference"),
                           {{tr("Browse…"), [this] {
                                 return QFileDialog::getSaveFileName(this, windowTitle(), file(),
                                                                     tr("Differences (*.qsdiff)"), nullptr,
                                                                     QFileDialog::DontConfirmOverwrite);
                             }}}));
    layout->addRow(QString(), m_note);
    auto *buttons = new QDialogButtonBox(QDialogButtonBox::Cancel);
    m_start = buttons->addButton(tr("Open difference"), QDialogButtonBox::AcceptRole);
    connect(buttons, &QDialogButtonBox::accepted, this, &QDialog::accept);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    layout->addRow(buttons);
    check();
}

QWidget *DifferenceDialog::makeRow(QLineEdit *edit, const QString &name, const QString &toolTip,
                                   const std::vector<std::pair<QString, std::function<QString()>>> &buttons) {
    edit->setAccessibleName(name);
    edit->setToolTip(toolTip);
    edit->setMinimumWidth(420);
    connect(edit, &QLineEdit::textChanged, this, &DifferenceDialog::check);
    auto *row = new QWidget;
    auto *layout = new QHBoxLayout(row);
    layout->setContentsMargins({});
    layout->addWidget(edit, 1);
    for (const auto &[text, choose] : buttons) {
        auto *button = new QToolButton;
        button->setText(text);
        button->setToolTip(toolTip);
        connect(button, &QToolButton::clicked, this, [edit, choose = choose] {
            if (const QString chosen = choose(); !chosen.isEmpty())
                edit->setText(chosen);
        });
        layout->addWidget(button);
    }
    return row;
}

QString DifferenceDialog::base() const {
    return m_base->text();
}

QString DifferenceDialog::file() const {
    const QString suffix = QString::fromLatin1(kDifferenceSuffix);
    return m_file->text().endsWith(suffix) ? m_file->text() : m_file->text() + suffix;
}

QString DifferenceDialog::whyNot() const {
    if (base().isEmpty())
        return tr("Choose the model that this one was fine-tuned from.");
    if (!QFileInfo::exists(base()))
        return tr("There is no such base model.");
    if (QFileInfo(base()).canonicalFilePath() == QFileInfo(views::fromPath(m_tuned)).canonicalFilePath())
        return tr("This is the open model itself: all differences would be 0.");
    if (m_file->text().isEmpty() || !QFileInfo(file()).dir().exists())
        return tr("The folder of the file does not exist.");
    return {};
}

void DifferenceDialog::check() {
    if (!m_start)
        return;
    const QString refusal = whyNot();
    m_start->setEnabled(refusal.isEmpty());
    QString note =
        tr("Every weight becomes tuned − base, matched by name. It can be viewed and quantized, not "
           "run. Nothing is copied: both models must stay where they are.");
    if (QFileInfo::exists(file()))
        note += ' ' + tr("Replaces the existing file.");
    m_note->setText(refusal.isEmpty() ? note : refusal);
}

QString whyNoDifference(const views::WorkbenchContext &context) {
    const auto model = context.model();
    if (!model)
        return DifferenceDialog::tr("No model is open.");
    return isDifference(model->graph)
               ? DifferenceDialog::tr("The open model is a difference itself; open a checkpoint.")
               : QString();
}

void askForDifference(views::WorkbenchContext &context, QWidget *parent,
                      std::function<void(const QString &)> open) {
    const auto model = context.model();
    if (!model)
        return;
    const QDir folder = QFileInfo(views::fromPath(model->file)).absoluteDir();
    const QString name = views::fromPath(model->file.stem());
    auto *dialog =
        new DifferenceDialog(model->file, folder.filePath(name + QStringLiteral("-delta.qsdiff")), parent);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    QObject::connect(dialog, &QDialog::accepted, &context, [&context, dialog, model, open = std::move(open)] {
        const QString file = dialog->file();
        const CheckpointPair pair{toPath(dialog->base()), model->file};
        context.jobs().start(
            QStringLiteral("write-difference"),
            DifferenceDialog::tr("Writing %1").arg(QFileInfo(file).fileName()),
            [pair, path = toPath(file)](const RunContext &ctx) {
                return writeDifferenceFile(path, pair, ctx);
            },
            [&context, open, file](const Status &status) {
                if (status)
                    open(file);
                else if (status.error().code != ErrorCode::Cancelled)
                    context.addFinding(toFinding(status.error()));
            });
    });
    dialog->open();
}

} // namespace qs::app
