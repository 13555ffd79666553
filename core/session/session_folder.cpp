#include "core/session/session_folder.h"

namespace qs {
namespace {

/// The same project without results: every part names the model that it belongs to.
Project withoutResults(const Project &project) {
    Project part;
    part.head = project.head;
    part.head.window = nlohmann::json::object();
    part.model = project.model;
    return part;
}

std::filesystem::path runFile(const std::filesystem::path &folder, int number) {
    return folder / (kSessionRunPrefix + std::to_string(number) + ".qscope");
}

bool sameEntry(const RunEntry &a, const RunEntry &b) {
    return a.run == b.run && a.parent == b.parent && a.compared == b.compared;
}

} // namespace

Status SessionFolder::save(const Project &project, const RunContext &ctx) {
    const std::lock_guard lock(m_mutex);
    // The head first: without it nothing that follows could be opened if the program ended here.
    Project head = withoutResults(project);
    head.head.window = project.head.window;
    head.runs = RunHistory({}, project.runs.lastNumber());
    head.sensitivity = project.sensitivity;
    FindingList ignored;
    QS_CHECK_OK(writeProject(head, m_folder / kSessionHead, ignored, ctx));
    QS_CHECK_OK(saveCapture(project, ctx));
    for (const RunEntry &entry : project.runs.entries())
        QS_CHECK_OK(saveRun(project, entry, ctx));
    removeForgotten(project.runs);
    return {};
}

Status SessionFolder::saveRun(const Project &project, const RunEntry &entry, const RunContext &ctx) {
    const auto saved = m_saved.find(entry.number);
    if (saved != m_saved.end() && sameEntry(saved->second, entry))
        return {};
    Project part = withoutResults(project);
    part.runs = RunHistory::single(entry);
    FindingList ignored;
    QS_CHECK_OK(writeProject(part, runFile(m_folder, entry.number), ignored, ctx));
    m_saved[entry.number] = entry;
    return {};
}

Status SessionFolder::saveCapture(const Project &project, const RunContext &ctx) {
    if (project.capture == m_savedCapture)
        return {};
    const std::filesystem::path file = m_folder / kSessionCapture;
    if (project.capture) {
        Project part = withoutResults(project);
        part.capture = project.capture;
        FindingList ignored;
        QS_CHECK_OK(writeProject(part, file, ignored, ctx));
    } else {
        std::error_code ignored;
        std::filesystem::remove(file, ignored);
    }
    m_savedCapture = project.capture;
    return {};
}

void SessionFolder::removeForgotten(const RunHistory &runs) {
    std::erase_if(m_saved, [&](const auto &saved) {
        if (runs.find(saved.first))
            return false;
        std::error_code ignored;
        std::filesystem::remove(runFile(m_folder, saved.first), ignored);
        return true;
    });
}

} // namespace qs
