#include "app/source_dialog.h"

#include <QComboBox>
#include <QDialogButtonBox>
#include <QFileDialog>
#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>

namespace qs::app {
namespace {

QString nativeText(const std::filesystem::path &file) {
    return QDir::toNativeSeparators(QString::fromStdU16String(file.u16string()));
}

} // namespace

SourceDialog::SourceDialog(const ProjectSession::Doubt &doubt, QWidget *parent)
    : QDialog(parent), m_doubt(doubt) {
    setWindowTitle(tr("Sources of the project"));
    auto *layout = new QVBoxLayout(this);
    auto *intro =
        new QLabel(tr("Files that <b>%1</b> was made from are not what they were. Which files shall "
                      "be used? The project file itself is not changed.")
                       .arg(nativeText(m_doubt.project->path().filename()).toHtmlEscaped()));
    intro->setWordWrap(true);
    layout->addWidget(intro);
    for (std::size_t source = 0; source < m_rows.size(); ++source)
        if (m_doubt.isDoubtful(source))
            layout->addWidget(makeRow(source));
    auto *buttons = new QDialogButtonBox(QDialogButtonBox::Open | QDialogButtonBox::Cancel);
    connect(buttons, &QDialogButtonBox::accepted, this, &QDialog::accept);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    layout->addStretch();
    layout->addWidget(buttons);
    resize(680, sizeHint().height());
}

QWidget *SourceDialog::makeRow(std::size_t source) {
    static const QString names[] = {tr("Model"), tr("Calibration set"), tr("Evaluation set")};
    const SourceState &state = *m_doubt.states[source];
    const bool changed = state.kind == SourceState::Kind::Changed;
    auto *row = new QWidget;
    auto *layout = new QVBoxLayout(row);
    layout->setContentsMargins(0, 8, 0, 8);
    auto *title = new QLabel(
        QStringLiteral("<b>%1</b> %2<br>%3")
            .arg(names[source],
                 changed ? tr("has other content than when the project was saved:") : tr("was not found:"),
                 nativeText(m_doubt.reference(source)->file).toHtmlEscaped()));
    title->setWordWrap(true);
    layout->addWidget(title);
    auto *line = new QHBoxLayout;
    auto *choice = new QComboBox;
    choice->setAccessibleName(tr("File to use as %1").arg(names[source].toLower()));
    if (changed)
        choice->addItem(tr("Use the changed file %1").arg(nativeText(state.file)),
                        QString::fromStdU16String(state.file.u16string()));
    choice->addItem(tr("Open without it"), QString());
    choice->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    choice->setMinimumContentsLength(20);
    auto *locateButton = new QPushButton(tr("Locate…"));
    locateButton->setToolTip(tr("Chooses the file where it is now"));
    line->addWidget(choice, 1);
    line->addWidget(locateButton);
    layout->addLayout(line);
    auto *effect = new QLabel;
    effect->setWordWrap(true);
    layout->addWidget(effect);
    m_rows[source] = {choice, effect};
    connect(choice, &QComboBox::currentIndexChanged, this, [this, source] { showEffect(source); });
    connect(locateButton, &QPushButton::clicked, this, [this, source] { locate(source); });
    showEffect(source);
    return row;
}

void SourceDialog::locate(std::size_t source) {
    auto *dialog =
        new QFileDialog(this, tr("Where is %1?").arg(nativeText(m_doubt.reference(source)->file.filename())));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setFileMode(QFileDialog::ExistingFile);
    connect(dialog, &QFileDialog::fileSelected, this,
            [this, source](const QString &file) { setFile(source, file); });
    dialog->open();
}

void SourceDialog::setFile(std::size_t source, const QString &file) {
    QComboBox *choice = m_rows[source].choice;
    if (choice == nullptr)
        return;
    choice->insertItem(0, tr("Use %1").arg(QDir::toNativeSeparators(file)), file);
    choice->setCurrentIndex(0);
}

void SourceDialog::showEffect(std::size_t source) {
    const bool leftOut = m_rows[source].choice->currentData().toString().isEmpty();
    const QString runs = runsText(static_cast<int>(m_doubt.project->runHeads().size()));
    QString text;
    if (source == 0 && leftOut)
        text = tr("Only the recipe is opened; %1 of the project stay in its file.").arg(runs);
    else if (source == 0)
        text = tr("With the same content everything is opened. Otherwise %1 of the project stay in its file, "
                  "as their numbers belong to other weights.")
                   .arg(runs);
    else if (source == 1)
        text = tr("Runs are opened in any case; the statistics of calibration only with the same content.");
    else
        text = tr("Runs are opened in any case; new ones are measured on what is chosen here.");
    m_rows[source].effect->setText(text);
}

ProjectSources SourceDialog::sources() const {
    ProjectSources sources = ProjectSources::from(m_doubt.states);
    std::filesystem::path *files[] = {&sources.model, &sources.calibration, &sources.evaluation};
    for (std::size_t source = 0; source < m_rows.size(); ++source)
        if (m_rows[source].choice != nullptr)
            *files[source] = m_rows[source].choice->currentData().toString().toStdU16String();
    return sources;
}

} // namespace qs::app
