#pragma once

#include "app/settings.h"

#include <QSize>
#include <optional>

namespace qs::app {

/// What the user asked for when starting the window.
struct CommandLine {
    QStringList files;
    QString sample;
    QString recipe;
    QString screenshotFolder; ///< empty = an ordinary session
    bool run = false;
    bool reopen = false; ///< the last session
    std::optional<Theme> theme;
    std::optional<QSize> size;
};

/// Reads the arguments of the application. Prints help or what is wrong and ends the program when it must.
CommandLine parseCommandLine();

} // namespace qs::app
