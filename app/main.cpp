#include "app/application_services.h"
#include "app/command_line.h"
#include "app/job_sequence.h"
#include "app/main_window.h"
#include "app/samples.h"
#include "app/screenshot_mode.h"

#include <QApplication>
#include <QIcon>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <span>
#include <string_view>

namespace {

int refuseSample(const QString &name) {
    QStringList known;
    for (const qs::app::Sample &sample : qs::app::findSamples())
        known << sample.name;
    std::fprintf(stderr, "quantoscope: there is no sample '%s'; there are: %s\n", qPrintable(name),
                 qPrintable(known.join(QStringLiteral(", "))));
    return 2;
}

/// Help and version, which must not need a display.
bool wantsOnlyText(std::span<char *const> arguments) {
    constexpr std::string_view kOptions[] = {"-h", "--help", "--help-all", "-v", "--version"};
    return std::ranges::any_of(arguments.subspan(1), [&](const char *argument) {
        return std::ranges::find(kOptions, std::string_view(argument)) != std::end(kOptions);
    });
}

} // namespace

int main(int argc, char **argv) {
    using namespace qs::app;
    const std::unique_ptr<QCoreApplication> application(wantsOnlyText({argv, static_cast<std::size_t>(argc)})
                                                            ? new QCoreApplication(argc, argv)
                                                            : new QApplication(argc, argv));
    QApplication::setOrganizationName(QStringLiteral("quantoscope"));
    QApplication::setApplicationName(QStringLiteral("quantoscope"));
    QApplication::setApplicationVersion(QStringLiteral(QS_VERSION));
    const CommandLine line = parseCommandLine();
    QApplication::setWindowIcon(QIcon(QStringLiteral(":/icons/quantoscope.svg")));
    const bool screenshots = !line.screenshotFolder.isEmpty();

    ApplicationServices services;
    MainWindow window(services.context(), Settings(!screenshots));
    if (line.theme)
        window.setTheme(*line.theme);
    if (line.size) {
        window.resize(*line.size);
        window.docks().reset();
    }
    window.show();
    if (!screenshots)
        window.projects().startAutosave(Autosave::defaultRoot());
    if (line.reopen && !window.projects().reopenLast())
        std::fprintf(stderr, "quantoscope: no earlier session is kept\n");
    else if (!line.reopen)
        window.projects().offerCrashed();

    if (!line.recipe.isEmpty())
        services.context().loadRecipe(line.recipe);
    if (!line.sample.isEmpty() && !window.openSample(line.sample))
        return refuseSample(line.sample);
    window.openFiles(line.files);

    JobSequence sequence(services.context());
    if (line.run || screenshots)
        sequence.addRun();
    if (screenshots)
        sequence.addSmallSensitivity();
    ScreenshotMode pictures(window, services.context(), QDir(line.screenshotFolder));
    if (screenshots)
        QObject::connect(&sequence, &JobSequence::finished, &pictures, &ScreenshotMode::start);
    sequence.start();
    return QApplication::exec();
}
