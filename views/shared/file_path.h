#pragma once

#include <QString>

#include <filesystem>

namespace qs::views {

/// Qt's names of files as paths, and back; every character that a file name may hold survives.
inline std::filesystem::path toPath(const QString &file) {
    return file.toStdU16String();
}
inline QString fromPath(const std::filesystem::path &file) {
    return QString::fromStdU16String(file.u16string());
}

/// The last part of a path: what a sentence calls a file.
inline QString nameOf(const std::filesystem::path &file) {
    return fromPath(file.filename());
}

} // namespace qs::views
