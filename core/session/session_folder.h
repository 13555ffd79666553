#pragma once

#include "core/session/project_file.h"

#include <map>
#include <mutex>

namespace qs {

/// A project kept as a folder of small project files, so that saving it often costs little: head.qscope is
/// written each time, run-<number>.qscope and capture.qscope only when they are new. ProjectFile::open()
/// reads the folder like one file. \thread safe (serialised)
class SessionFolder {
public:
    /// \param folder  exists; files of an earlier session in it are replaced as numbers come up
    explicit SessionFolder(std::filesystem::path folder) : m_folder(std::move(folder)) {}

    const std::filesystem::path &path() const { return m_folder; }
    /// Writes what changed since the last call. \error IoError; Cancelled  what was written before is valid
    Status save(const Project &project, const RunContext &ctx);

private:
    Status saveRun(const Project &project, const RunEntry &entry, const RunContext &ctx);
    Status saveCapture(const Project &project, const RunContext &ctx);
    void removeForgotten(const RunHistory &runs);

    std::filesystem::path m_folder;
    std::mutex m_mutex;
    std::map<int, RunEntry> m_saved;
    std::shared_ptr<const Capture> m_savedCapture;
};

inline constexpr const char *kSessionHead = "head.qscope";
inline constexpr const char *kSessionCapture = "capture.qscope";
inline constexpr const char *kSessionRunPrefix = "run-";

} // namespace qs
