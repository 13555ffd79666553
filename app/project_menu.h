#pragma once

#include "app/autosave.h"

class QAction;
class QMenu;
class QMainWindow;

namespace qs::app {

/// The entries of the File menu about projects and the questions that belong to them: where to save, what to
/// do about changed sources, changes that were not saved, sessions that a crash left.
class ProjectMenu : public QObject {
    Q_OBJECT
public:
    ProjectMenu(QMainWindow &window, ProjectSession &session, views::WorkbenchContext &context);

    /// Adds Save project, Save project as, Reopen last session.
    void addTo(QMenu *menu);
    /// Keeps the session below `root` from now on.
    void startAutosave(const QString &root);
    /// Writes what is new a last time, while the window is still there to tell its layout.
    void stopAutosave() { m_autosave = nullptr; }
    /// Asks about the newest session that ended with a crash, if there is one.
    void offerCrashed();
    /// Opens the newest session that was left, crashed or closed, without asking. False when there is none.
    bool reopenLast();
    /// Whether the window may close now. If changes of a project were not saved the user is asked, and the
    /// window closes later, or not.
    bool mayClose();
    /// Calls `then` when the session may be replaced by another one: at once if nothing is lost, else once
    /// the user has saved it or said that it may go.
    void beforeReplacing(std::function<void()> then);
    Autosave *autosave() const { return m_autosave.get(); }

private:
    void updateActions();
    void updateReopen();
    void save();
    /// \param then  called once the file is there
    void askFile(std::function<void()> then = {});
    void askSources(const ProjectSession::Doubt &doubt);
    void askAboutCrash(const LeftSession &left);
    void reopen(const LeftSession &left);
    void takeOver(const QString &opened);
    /// Save, discard or cancel; `then` after the first two.
    void ask(const QString &objectName, const QString &title, const QString &text,
             std::function<void()> then);

    QMainWindow &m_window;
    ProjectSession &m_session;
    views::WorkbenchContext &m_context;
    std::unique_ptr<Autosave> m_autosave;
    std::vector<LeftSession> m_left; ///< of earlier programs, newest first
    QAction *m_save = nullptr, *m_saveAs = nullptr, *m_reopen = nullptr;
    QString m_reopening; ///< folder of a left session that is being opened
    bool m_closeConfirmed = false;
};

} // namespace qs::app
