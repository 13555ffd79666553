#include "app/autosave.h"

#include "core/session/project_json.h"
#include "views/shared/file_path.h"

#include <QCoreApplication>
#include <QStandardPaths>
#include <QUuid>

namespace qs::app {

using views::toPath;
using views::WorkbenchContext;

namespace {

constexpr int kDelayMs = 2000;
const QString kLockName = QStringLiteral("lock");
const QString kClosedName = QStringLiteral("closed");
const QString kTag = QStringLiteral("autosave");

/// Nothing when a program works on the folder.
std::optional<LeftSession> leftSession(const QDir &folder) {
    QLockFile lock(folder.filePath(kLockName));
    lock.setStaleLockTime(0);
    if (!lock.tryLock(0))
        return {};
    const QFileInfo head(folder.filePath(QString::fromLatin1(kSessionHead)));
    LeftSession session;
    session.folder = folder.absolutePath();
    session.crashed = !QFileInfo::exists(folder.filePath(kClosedName));
    session.when = head.exists() ? head.lastModified() : QFileInfo(folder.absolutePath()).lastModified();
    if (const auto project = ProjectFile::open(toPath(session.folder), {})) {
        session.runs = static_cast<int>((*project)->runHeads().size());
        if (const auto &model = (*project)->head().model)
            session.model = views::nameOf(model->file);
    }
    return session;
}

} // namespace

Autosave::Autosave(ProjectSession &session, WorkbenchContext &context, const QString &root, QObject *parent)
    : QObject(parent), m_session(session), m_context(context) {
    const QString name = QStringLiteral("%1-%2").arg(
        QDateTime::currentDateTimeUtc().toString(QStringLiteral("yyyyMMdd-HHmmss")),
        QUuid::createUuid().toString(QUuid::Id128).left(8));
    const QDir folder(QDir(root).filePath(name));
    m_folderPath = folder.absolutePath();
    if (!QDir().mkpath(m_folderPath)) {
        context.addFinding({Severity::Warning, "The session cannot be saved while you work",
                            m_folderPath.toStdString(),
                            "Save projects yourself, or make the folder writable."});
        return;
    }
    m_lock = std::make_unique<QLockFile>(folder.filePath(kLockName));
    m_lock->setStaleLockTime(0);
    m_lock->tryLock(0);
    m_folder = std::make_shared<SessionFolder>(toPath(m_folderPath));
    m_timer.setSingleShot(true);
    m_timer.setInterval(kDelayMs);
    connect(&m_timer, &QTimer::timeout, this, &Autosave::saveNow);
    connect(&session, &ProjectSession::changed, this, &Autosave::schedule);
    for (auto signal : {&WorkbenchContext::selectionChanged, &WorkbenchContext::captureChanged})
        connect(&context, signal, this, &Autosave::schedule);
}

Autosave::~Autosave() {
    if (!m_folder)
        return;
    m_timer.stop();
    m_jobs.cancelAndJoin();
    if (m_context.model()) {
        (void)m_folder->save(m_session.snapshot(), {});
        QFile closed(QDir(m_folderPath).filePath(kClosedName));
        (void)closed.open(QIODevice::WriteOnly);
    }
    m_lock->unlock();
    if (!m_context.model())
        QDir(m_folderPath).removeRecursively();
}

void Autosave::schedule() {
    // Not restarted by each change: steady work is saved, too.
    if (m_context.model() && !m_timer.isActive())
        m_timer.start();
}

void Autosave::saveNow() {
    if (!m_folder || !m_context.model())
        return;
    m_jobs.start(
        kTag, tr("Autosave"),
        [folder = m_folder, project = m_session.snapshot()](const RunContext &ctx) {
            return folder->save(project, ctx);
        },
        [this](const Status &status) {
            if (!status && status.error().code != ErrorCode::Cancelled) {
                m_context.addFinding({Severity::Warning, "Autosave failed: " + status.error().message,
                                      status.error().where, "Save the project yourself (Ctrl+S)."});
                return;
            }
            if (status && !m_replaced.isEmpty())
                QDir(std::exchange(m_replaced, QString())).removeRecursively();
            if (status)
                emit saved();
        });
}

std::vector<LeftSession> Autosave::leftSessions(const QString &root) {
    std::vector<LeftSession> sessions;
    for (const QFileInfo &entry : QDir(root).entryInfoList(QDir::Dirs | QDir::NoDotAndDotDot))
        if (auto session = leftSession(QDir(entry.absoluteFilePath())))
            sessions.push_back(std::move(*session));
    std::sort(sessions.begin(), sessions.end(),
              [](const LeftSession &a, const LeftSession &b) { return a.when > b.when; });
    return sessions;
}

void Autosave::discard(const LeftSession &session) {
    QDir(session.folder).removeRecursively();
}

void Autosave::discardOld(const QString &root) {
    bool newest = true;
    for (const LeftSession &session : leftSessions(root)) {
        // A session that cannot be read is not an empty one.
        const bool empty = QDir(session.folder).entryList({QStringLiteral("*.qscope")}).isEmpty();
        if (empty || (!session.crashed && !std::exchange(newest, false)))
            discard(session);
    }
}

QString Autosave::defaultRoot() {
    return QStandardPaths::writableLocation(QStandardPaths::AppLocalDataLocation) +
           QStringLiteral("/sessions");
}

} // namespace qs::app
