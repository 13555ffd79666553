#include "app/distill_dialog.h"

#include "views/shared/file_path.h"
#include "views/shared/workbench_context.h"

#include <QComboBox>
#include <QDialogButtonBox>
#include <QDir>
#include <QFileDialog>
#include <QFormLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSpinBox>
#include <QToolButton>

namespace qs::app {

using views::toPath;

DistillDialog::DistillDialog(std::shared_ptr<const Model> model, const QString &suggestion, QWidget *parent)
    : QDialog(parent), m_model(std::move(model)), m_method(new QComboBox),
      m_samples(makeNumber(tr("Images"), tr("How many images are made"), 65536, 64)),
      m_iterations(makeNumber(
          tr("Iterations"),
          tr("Steps of Adam on each batch of 32 images. The papers use 500 (ZeroQ) and 4000 (GENIE)"), 100000,
          200)),
      m_seed(makeNumber(tr("Seed"), tr("Of the noise that the images start from"), 1'000'000, 1)),
      m_file(new QLineEdit(suggestion)), m_note(new QLabel) {
    setWindowTitle(tr("Make calibration images without data"));
    const std::pair<DistillMethod, QString> methods[] = {
        {DistillMethod::ZeroQ, tr("ZeroQ: pixels, statistics of each image (formula of the paper)")},
        {DistillMethod::Genie, tr("GENIE-style: generator, statistics of a batch (experimental)")},
        {DistillMethod::Gaussian, tr("Gaussian noise: nothing is learned")}};
    for (const auto &[method, text] : methods)
        m_method->addItem(text, static_cast<int>(method));
    m_method->setAccessibleName(tr("Method"));
    m_method->setToolTip(tr("How the images come to look, to the model, like what it was trained on"));
    m_seed->setMinimum(0);
    m_note->setWordWrap(true);
    m_note->setMinimumHeight(3 * m_note->fontMetrics().lineSpacing());

    auto *layout = new QFormLayout(this);
    layout->addRow(tr("Model"), new QLabel(views::nameOf(m_model->file)));
    layout->addRow(tr("Method"), m_method);
    layout->addRow(tr("Images"), m_samples);
    layout->addRow(tr("Iterations"), m_iterations);
    layout->addRow(tr("Seed"), m_seed);
    layout->addRow(tr("File"), makeFile());
    layout->addRow(QString(), m_note);
    auto *buttons = new QDialogButtonBox(QDialogButtonBox::Cancel);
    m_start = buttons->addButton(tr("Start"), QDialogButtonBox::AcceptRole);
    connect(buttons, &QDialogButtonBox::accepted, this, &QDialog::accept);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    layout->addRow(buttons);
    connect(m_method, &QComboBox::currentIndexChanged, this, &DistillDialog::check);
    connect(m_file, &QLineEdit::textChanged, this, &DistillDialog::check);
    check();
}

QSpinBox *DistillDialog::makeNumber(const QString &name, const QString &toolTip, int largest, int value) {
    auto *box = new QSpinBox;
    box->setRange(1, largest);
    box->setValue(value);
    box->setAccessibleName(name);
    box->setToolTip(toolTip);
    return box;
}

QWidget *DistillDialog::makeFile() {
    m_file->setAccessibleName(tr("File"));
    m_file->setToolTip(tr("Calibration file (HDF5) that is written"));
    m_file->setMinimumWidth(420);
    auto *button = new QToolButton;
    button->setText(tr("Browse…"));
    connect(button, &QToolButton::clicked, this, &DistillDialog::browse);
    auto *row = new QWidget;
    auto *layout = new QHBoxLayout(row);
    layout->setContentsMargins({});
    layout->addWidget(m_file, 1);
    layout->addWidget(button);
    return row;
}

void DistillDialog::browse() {
    const QString chosen =
        QFileDialog::getSaveFileName(this, windowTitle(), file(), tr("Calibration sets (*.h5 *.hdf5)"),
                                     nullptr, QFileDialog::DontConfirmOverwrite);
    if (!chosen.isEmpty())
        m_file->setText(chosen);
}

QString DistillDialog::whyNot() const {
    if (const Status possible = canDistill(*m_model, options()); !possible)
        return tr("Not possible: %1.").arg(QString::fromStdString(possible.error().message));
    if (m_file->text().isEmpty() || !QFileInfo(file()).dir().exists())
        return tr("This folder does not exist.");
    return {};
}

void DistillDialog::check() {
    const QString refusal = whyNot();
    m_start->setEnabled(refusal.isEmpty());
    QString note = tr("The images become the calibration set. They are not real data; runs that use them "
                      "say so.");
    if (QFileInfo::exists(file()))
        note += ' ' + tr("Replaces the existing file.");
    m_note->setText(refusal.isEmpty() ? note : refusal);
}

DistillOptions DistillDialog::options() const {
    DistillOptions options;
    options.method = static_cast<DistillMethod>(m_method->currentData().toInt());
    options.samples = m_samples->value();
    options.iterations = m_iterations->value();
    options.seed = static_cast<std::uint64_t>(m_seed->value());
    return options;
}

QString DistillDialog::file() const {
    return m_file->text();
}

void askForDistilledSet(views::WorkbenchContext &context, QWidget *parent) {
    const auto model = context.model();
    if (!model)
        return;
    const QString name = views::fromPath(model->file.stem());
    auto *dialog =
        new DistillDialog(model, QDir::current().filePath(name + QStringLiteral("-distilled.h5")), parent);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    QObject::connect(dialog, &QDialog::accepted, &context, [&context, dialog, model, name] {
        const QString file = dialog->file();
        const DistillOptions options = dialog->options();
        auto findings = std::make_shared<FindingList>();
        context.jobs().start(
            QStringLiteral("distill"), DistillDialog::tr("Making calibration images for %1").arg(name),
            [model, options, findings, path = toPath(file)](const RunContext &ctx) -> Status {
                QS_TRY(const DistilledImages images, distillImages(model, options, *findings, ctx));
                return writeDistilled(images, path);
            },
            [&context, model, findings, file](const Status &status) {
                for (const FindingList::Entry &entry : findings->snapshot())
                    context.addFinding(entry.finding);
                if (!status && status.error().code != ErrorCode::Cancelled)
                    context.addFinding(toFinding(status.error()));
                if (status && context.model() == model)
                    context.openCalibration(file);
            });
    });
    dialog->open();
}

} // namespace qs::app
