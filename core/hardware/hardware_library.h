#pragma once

#include "core/base/finding.h"
#include "core/hardware/hardware_profile.h"

namespace qs {

/// Where hardware files are looked for, in this order: the user's own ($XDG_DATA_HOME or ~/.local/share, then
/// quantoscope/hardware), beside the program (<exe>/../share/quantoscope/hardware), and the source tree that
/// it was built from. Folders need not exist.
std::vector<std::filesystem::path> hardwareSearchPath();

/// Every *.json of the folders, by name within a folder; of two with one id the first folder's wins, so a
/// user may correct a profile. A file that is wrong is a finding; the others are read.
std::vector<HardwareProfile> readHardware(const std::vector<std::filesystem::path> &folders,
                                          FindingList &findings);

/// The profile of that id, or the file of that path. \error NotFound  lists the ids
Result<HardwareProfile> findHardware(const std::vector<HardwareProfile> &profiles,
                                     const std::string &idOrFile);

} // namespace qs
