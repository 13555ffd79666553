#pragma once

#include "app/project_session.h"

#include <QDateTime>
#include <QDir>
#include <QLockFile>
#include <QTimer>

namespace qs::app {

/// A session that a program left behind.
struct LeftSession {
    QString folder;
    QDateTime when; ///< of its last autosave
    bool crashed = false;
    QString model; ///< file name; empty: unknown, the head cannot be read
    int runs = 0;
};

/// Keeps the session on disk while it is worked on, a few seconds behind, so that a crash loses nothing and a
/// closed window can be opened again. Each program writes to a folder of its own, which is locked while the
/// program lives.
class Autosave : public QObject {
    Q_OBJECT
public:
    /// \param root  holds one folder per session; made when it is missing
    Autosave(ProjectSession &session, views::WorkbenchContext &context, const QString &root,
             QObject *parent = nullptr);
    /// Writes what is new and marks the session as closed. Empty sessions leave nothing.
    ~Autosave() override;

    /// Sessions below `root` whose program no longer runs, newest first. Reads their heads: some
    /// milliseconds.
    static std::vector<LeftSession> leftSessions(const QString &root);
    static void discard(const LeftSession &session);
    /// Keeps all that crashed and the newest that was closed.
    static void discardOld(const QString &root);
    /// Where sessions of this user are kept.
    static QString defaultRoot();

    /// The folder may go as soon as its content, which was opened, is saved in this session's own.
    void replace(const QString &folder) { m_replaced = folder; }
    const QString &folder() const { return m_folderPath; }
    void saveNow(); ///< starts writing; for tests and before the window closes

signals:
    void saved();

private:
    void schedule();

    ProjectSession &m_session;
    views::WorkbenchContext &m_context;
    QString m_folderPath, m_replaced;
    std::shared_ptr<SessionFolder> m_folder;
    std::unique_ptr<QLockFile> m_lock;
    views::JobList m_jobs; ///< of its own: not among the user's jobs
    QTimer m_timer;
};

} // namespace qs::app
