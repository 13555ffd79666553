#include "app/application_services.h"
#include "app/command_line.h"
#include "app/job_sequence.h"
#include "app/main_window.h"
#include "app/samples.h"
#include "app/screenshot_mode.h"

#include <QApplication>
#include <QIcon>
#include <cstdio>

namespace {

int refuseSample(const QString &name) {
    QStringList known;
    for (const qs::app::Sample &sample : qs::app::findSamples())
        known << sample.name;
    std::fprintf(stderr, "quantoscope: there is no sample '%s'; there are: %s\n", qPrintable(name),
                 qPrintable(known.join(QStringLiteral(", "))));
    return 2;
}

} // namespace

int main(int argc, char **argv) {
    using namespace qs::app;
    QApplication application(argc, argv);
    QApplication::setOrganizationName(QStringLiteral("quantoscope"));
    QApplication::setApplicationName(QStringLiteral("quantoscope"));
    QApplication::setApplicationVersion(QStringLiteral(QS_VERSION));
    QApplication::setWindowIcon(QIcon(QStringLiteral(":/icons/quantoscope.svg")));
    const CommandLine line = parseCommandLine();
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
