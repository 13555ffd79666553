#pragma once

#include "core/session/session_folder.h"
#include "views/shared/workbench_context.h"

#include <QObject>

namespace qs::app {

/// "1 run", "3 runs"
QString runsText(int runs);

/// The project file that the window works on: opens and saves it, knows what was not saved yet. GUI thread
/// only; reading and writing are jobs.
class ProjectSession : public QObject {
    Q_OBJECT
public:
    explicit ProjectSession(views::WorkbenchContext &context, QObject *parent = nullptr);

    /// What the window keeps in a project (layout, settings of views) and how it gets that back.
    struct WindowState {
        std::function<nlohmann::json()> save;
        std::function<void(const nlohmann::json &)> restore;
    };
    void setWindowState(WindowState state) { m_window = std::move(state); }

    /// Sources of a project that are not what they were, and what may be done about it.
    struct Doubt {
        QString file; ///< as it was given to open()
        std::shared_ptr<const ProjectFile> project;
        std::array<std::optional<SourceState>, 3> states; ///< model, calibration, evaluation

        const std::optional<SourceReference> &reference(std::size_t source) const;
        bool isDoubtful(std::size_t source) const {
            return states[source] && states[source]->kind != SourceState::Kind::Found;
        }
    };

    const QString &file() const { return m_file; } ///< empty: the session has no file yet
    bool isModified() const;                       ///< since it was opened or saved
    bool isComplete() const { return m_complete; } ///< false: results were left out when it was opened
    /// Why save() must ask for a name, or nothing can be saved; empty when it can write to file().
    QString whyNotSaveInPlace() const;
    QString whyNotSave() const;

    /// A project file, or the folder of an autosaved session. Asks by sourcesInDoubt() when sources moved or
    /// changed.
    void open(const QString &file);
    /// The answer to sourcesInDoubt().
    void openWith(const Doubt &doubt, const ProjectSources &sources);
    /// \param then  called once the file is there, not when saving failed
    void save(std::function<void()> then = {}) { saveAs(m_file, std::move(then)); }
    void saveAs(const QString &file, std::function<void()> then = {});
    /// The whole session as a value: what save() would write.
    Project snapshot() const;

signals:
    void changed(); ///< file() or isModified()
    void sourcesInDoubt(const qs::app::ProjectSession::Doubt &doubt);
    void opened(const QString &file);
    void saved(const QString &file);

private:
    /// What counts as a change worth saving.
    struct Stamp {
        Recipe recipe;
        std::vector<std::pair<int, bool>> runs; ///< number, compared
        std::array<std::optional<SourceReference>, 3> sources;
        std::shared_ptr<const SensitivityTable> sensitivity;
        bool operator==(const Stamp &) const = default;
    };
    static Stamp stampOf(const Project &project);
    void adopt(const QString &file, OpenedProject opened, const std::shared_ptr<FindingList> &findings);
    void followModel();
    void startJob(const QString &tag, const QString &title, std::function<Status(const RunContext &)> work,
                  std::function<void()> done);

    views::WorkbenchContext &m_context;
    WindowState m_window;
    QString m_file;
    std::string m_modelSha256; ///< of the session; another model begins another session
    Stamp m_saved;
    bool m_complete = true; ///< false: results of the file are not here, so it is not written over
    bool m_restoring = false;
};

} // namespace qs::app
