#include "app/project_menu.h"

#include "app/source_dialog.h"

#include <QFileDialog>
#include <QMainWindow>
#include <QMenu>
#include <QMessageBox>
#include <QPushButton>

namespace qs::app {

using views::WorkbenchContext;

namespace {

/// "glyph-vit.onnx, 3 runs, 22 Nov 12:31"
QString describe(const LeftSession &left) {
    const QString model = left.model.isEmpty() ? ProjectMenu::tr("unreadable session") : left.model;
    return QStringLiteral("%1, %2, %3")
        .arg(model, runsText(left.runs), QLocale().toString(left.when, QLocale::ShortFormat));
}

} // namespace

ProjectMenu::ProjectMenu(QMainWindow &window, ProjectSession &session, WorkbenchContext &context)
    : QObject(&window), m_window(window), m_session(session), m_context(context) {
    connect(&session, &ProjectSession::sourcesInDoubt, this, &ProjectMenu::askSources);
    connect(&session, &ProjectSession::changed, this, &ProjectMenu::updateActions);
    connect(&session, &ProjectSession::opened, this, &ProjectMenu::takeOver);
}

void ProjectMenu::addTo(QMenu *menu) {
    m_save = menu->addAction(tr("&Save project"), this, &ProjectMenu::save);
    m_save->setShortcut(QKeySequence::Save);
    m_saveAs = menu->addAction(tr("Save project &as…"), this, [this] { askFile(); });
    m_saveAs->setShortcut(QKeySequence(tr("Ctrl+Alt+S")));
    m_reopen = menu->addAction(tr("&Reopen last session"), this,
                               [this] { beforeReplacing([this] { reopenLast(); }); });
    updateActions();
    updateReopen();
}

void ProjectMenu::updateActions() {
    const QString reason = m_session.whyNotSave();
    m_save->setEnabled(reason.isEmpty());
    m_save->setStatusTip(reason.isEmpty()
                             ? tr("Writes runs, recipe, selection and layout to the project file; "
                                  "models and data stay where they are")
                             : reason);
    m_save->setToolTip(m_save->statusTip());
    m_saveAs->setEnabled(reason.isEmpty());
    m_saveAs->setStatusTip(reason.isEmpty() ? tr("Writes the session to another project file") : reason);
    m_saveAs->setToolTip(m_saveAs->statusTip());
}

void ProjectMenu::updateReopen() {
    m_reopen->setEnabled(!m_left.empty());
    m_reopen->setText(m_left.empty() ? tr("&Reopen last session")
                                     : tr("&Reopen last session (%1)").arg(describe(m_left.front())));
    m_reopen->setStatusTip(m_left.empty() ? tr("No earlier session is kept.")
                                          : tr("Brings model, runs, recipe, selection and layout back"));
    m_reopen->setToolTip(m_reopen->statusTip());
}

void ProjectMenu::save() {
    if (m_session.whyNotSaveInPlace().isEmpty())
        m_session.save();
    else
        askFile();
}

void ProjectMenu::askFile(std::function<void()> then) {
    const auto model = m_context.model();
    if (!model)
        return;
    auto *dialog = new QFileDialog(&m_window, tr("Save project"), {}, tr("Quantoscope projects (*.qscope)"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setAcceptMode(QFileDialog::AcceptSave);
    dialog->setDefaultSuffix(QStringLiteral("qscope"));
    const QString name = QString::fromStdU16String(model->file.stem().u16string());
    dialog->selectFile(m_session.file().isEmpty() ? name + QStringLiteral(".qscope") : m_session.file());
    connect(dialog, &QFileDialog::fileSelected, &m_session,
            [this, then = std::move(then)](const QString &file) { m_session.saveAs(file, then); });
    dialog->open();
}

void ProjectMenu::askSources(const ProjectSession::Doubt &doubt) {
    auto *dialog = new SourceDialog(doubt, &m_window);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &QDialog::accepted, this,
            [this, dialog] { m_session.openWith(dialog->doubt(), dialog->sources()); });
    dialog->open();
}

void ProjectMenu::startAutosave(const QString &root) {
    Autosave::discardOld(root);
    m_left = Autosave::leftSessions(root);
    m_autosave = std::make_unique<Autosave>(m_session, m_context, root);
    updateReopen();
}

void ProjectMenu::offerCrashed() {
    const auto crashed =
        std::find_if(m_left.begin(), m_left.end(), [](const LeftSession &left) { return left.crashed; });
    if (crashed != m_left.end())
        askAboutCrash(*crashed);
}

void ProjectMenu::askAboutCrash(const LeftSession &left) {
    auto *box = new QMessageBox(QMessageBox::Question, tr("Quantoscope did not end properly"),
                                tr("A session was left when the program ended unexpectedly:\n%1\n\n"
                                   "Shall it be brought back?")
                                    .arg(describe(left)),
                                QMessageBox::NoButton, &m_window);
    box->setObjectName(QStringLiteral("crash_question"));
    box->setAttribute(Qt::WA_DeleteOnClose);
    QPushButton *restore = box->addButton(tr("&Restore"), QMessageBox::AcceptRole);
    QPushButton *discard = box->addButton(tr("&Discard"), QMessageBox::DestructiveRole);
    box->addButton(tr("Ask &later"), QMessageBox::RejectRole);
    connect(restore, &QPushButton::clicked, this, [this, left] { reopen(left); });
    connect(discard, &QPushButton::clicked, this, [this, left] {
        Autosave::discard(left);
        std::erase_if(m_left, [&](const LeftSession &other) { return other.folder == left.folder; });
        updateReopen();
    });
    box->open();
}

void ProjectMenu::reopen(const LeftSession &left) {
    m_reopening = left.folder;
    m_session.open(left.folder);
}

void ProjectMenu::takeOver(const QString &opened) {
    // The folder goes only when all that it holds was brought back: the user may cancel the question about
    // sources, and results may be left out.
    if (opened != m_reopening || !m_session.isComplete())
        return;
    if (m_autosave)
        m_autosave->replace(opened);
    std::erase_if(m_left, [&](const LeftSession &other) { return other.folder == opened; });
    m_reopening.clear();
    updateReopen();
}

bool ProjectMenu::reopenLast() {
    if (m_left.empty())
        return false;
    reopen(LeftSession(m_left.front()));
    return true;
}

bool ProjectMenu::mayClose() {
    if (m_closeConfirmed || m_session.file().isEmpty() || !m_session.isModified())
        return true;
    ask(QStringLiteral("close_question"), tr("Close"),
        tr("%1 has changes that were not saved.").arg(QFileInfo(m_session.file()).fileName()), [this] {
            m_closeConfirmed = true;
            m_window.close();
        });
    return false;
}

void ProjectMenu::beforeReplacing(std::function<void()> then) {
    const auto runs = static_cast<int>(m_context.runs().entries().size());
    // Without runs and file there is nothing but a recipe, which stays when another model is opened.
    if (!m_session.isModified() || (runs == 0 && m_session.file().isEmpty()))
        return then();
    const QString model = QString::fromStdU16String(m_context.model()->file.filename().u16string());
    const QString text =
        m_session.file().isEmpty()
            ? tr("%1 of %2 would be lost: they are in no project yet.").arg(runsText(runs), model)
            : tr("%1 has changes that were not saved and would be lost.")
                  .arg(QFileInfo(m_session.file()).fileName());
    ask(QStringLiteral("replace_question"), tr("Open another model"), text, std::move(then));
}

void ProjectMenu::ask(const QString &objectName, const QString &title, const QString &text,
                      std::function<void()> then) {
    auto *box = new QMessageBox(QMessageBox::Question, title, text,
                                QMessageBox::Save | QMessageBox::Discard | QMessageBox::Cancel, &m_window);
    box->setObjectName(objectName);
    box->setAttribute(Qt::WA_DeleteOnClose);
    connect(box, &QMessageBox::buttonClicked, this,
            [this, box, then = std::move(then)](QAbstractButton *button) {
                switch (box->standardButton(button)) {
                case QMessageBox::Save:
                    // Where saving fails, everything stays as it is.
                    if (m_session.whyNotSaveInPlace().isEmpty())
                        m_session.save(then);
                    else
                        askFile(then);
                    break;
                case QMessageBox::Discard:
                    then();
                    break;
                default:
                    break;
                }
            });
    box->open();
}

} // namespace qs::app
