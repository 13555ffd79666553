#include "core/hardware/hardware_library.h"

#include <cstdlib>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace qs {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> jsonFilesIn(const fs::path &folder) {
    std::vector<fs::path> files;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
        std::error_code ignored;
        if (entry->path().extension() == ".json" && entry->is_regular_file(ignored))
            files.push_back(entry->path());
    }
    std::sort(files.begin(), files.end());
    return files;
}

} // namespace

std::vector<fs::path> hardwareSearchPath() {
    std::vector<fs::path> folders;
    const char *dataHome = std::getenv("XDG_DATA_HOME");
    const char *home = std::getenv("HOME");
    if (dataHome && *dataHome)
        folders.push_back(fs::path(dataHome) / "quantoscope/hardware");
    else if (home && *home)
        folders.push_back(fs::path(home) / ".local/share/quantoscope/hardware");
    std::error_code error;
    const fs::path program = fs::read_symlink("/proc/self/exe", error);
    if (error)
        return folders;
    const fs::path bin = program.parent_path();
    folders.push_back(bin.parent_path() / "share/quantoscope/hardware");
    folders.push_back(bin.parent_path().parent_path().parent_path() / "resources/hardware");
    return folders;
}

std::vector<HardwareProfile> readHardware(const std::vector<fs::path> &folders, FindingList &findings) {
    std::vector<HardwareProfile> profiles;
    for (const fs::path &folder : folders)
        for (const fs::path &file : jsonFilesIn(folder)) {
            auto profile = HardwareProfile::read(file);
            if (!profile) {
                Finding finding = toFinding(profile.error());
                finding.severity = Severity::Warning;
                finding.action = "This device is left out until the file is mended.";
                findings.add(std::move(finding));
                continue;
            }
            const bool taken =
                std::any_of(profiles.begin(), profiles.end(),
                            [&](const HardwareProfile &other) { return other.id == profile->id; });
            if (!taken)
                profiles.push_back(std::move(*profile));
        }
    return profiles;
}

Result<HardwareProfile> findHardware(const std::vector<HardwareProfile> &profiles,
                                     const std::string &idOrFile) {
    std::vector<std::string> ids;
    for (const HardwareProfile &profile : profiles) {
        if (profile.id == idOrFile)
            return profile;
        ids.push_back(profile.id);
    }
    std::error_code error;
    if (fs::is_regular_file(idOrFile, error))
        return HardwareProfile::read(idOrFile);
    return fail(ErrorCode::NotFound,
                fmt::format("there is no hardware '{}', and no file of that name. There are: {}.", idOrFile,
                            fmt::join(ids, ", ")));
}

} // namespace qs
