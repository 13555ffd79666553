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

bool wantsHelpOrVersion(int argc, char **argv) {
    constexpr std::string_view kOptions[] = {"-h", "--help", "--help-all", "-v", "--version"};
    return std::any_of(argv, argv + argc, [&](const char *argument) {
        return std::ranges::find(kOptions, std::string_view(argument)) != std::end(kOptions);
    });
}

void describeApplication() {
    QCoreApplication::setOrganizationName(QStringLiteral("quantoscope"));
    QCoreApplication::setApplicationName(QStringLiteral("quantoscope"));
    QCoreApplication::setApplicationVersion(QStringLiteral(QS_VERSION));
}

} // namespace

int main(int argc, char **argv) {
    using namespace qs::app;
    describeApplication();
    if (wantsHelpOrVersion(argc, argv)) { // which must not need a display
        const QCoreApplication textOnly(argc, argv);
        parseCommandLine(); // ends the program, unless the word was the value of an option
    }
    QApplication application(argc, argv);
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
