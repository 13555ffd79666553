#pragma once

#include "core/base/run_context.h"

#include <functional>
#include <memory>

namespace qs {

/// Reads every member of a ZIP archive of arrays, one after the other, and hands it over with its name.
///
/// The archive is treated as hostile: the whole catalogue is checked first. \param take  name of the member,
/// its bytes and their number \error CorruptFile  not a ZIP archive, headers that disagree, members that
/// overlap or expand beyond what deflate
///        can do, a wrong checksum
/// \error Unsupported  encryption, or compression other than deflate;  OutOfMemory  more than half of the
/// machine's \error what `take` returns;  Cancelled \source file_formats 6
Status readArchive(
    const std::filesystem::path &file, const RunContext &ctx,
    const std::function<Status(const std::string &, const std::shared_ptr<std::byte> &, std::size_t)> &take);

} // namespace qs
