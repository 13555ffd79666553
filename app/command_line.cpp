#include "app/command_line.h"

#include <QCommandLineParser>
#include <QCoreApplication>
#include <QRegularExpression>
#include <cstdio>
#include <cstdlib>

namespace qs::app {
namespace {

[[noreturn]] void refuse(const QString &message) {
    std::fprintf(stderr, "quantoscope: %s (see --help)\n", qPrintable(message));
    std::exit(2);
}

Theme parseTheme(const QString &name) {
    if (name == QLatin1String("light"))
        return Theme::Light;
    if (name == QLatin1String("dark"))
        return Theme::Dark;
    refuse(QStringLiteral("--theme takes light or dark, not '%1'").arg(name));
}

QSize parseSize(const QString &text) {
    static const QRegularExpression form(QStringLiteral("^(\\d{3,5})x(\\d{3,5})$"));
    const QRegularExpressionMatch match = form.match(text);
    if (!match.hasMatch())
        refuse(QStringLiteral("--size takes WIDTHxHEIGHT, not '%1'").arg(text));
    return {match.captured(1).toInt(), match.captured(2).toInt()};
}

} // namespace

CommandLine parseCommandLine() {
    QCommandLineParser parser;
    parser.setApplicationDescription(QStringLiteral("Shows what quantization does to a neural network."));
    parser.addHelpOption();
    parser.addVersionOption();
    parser.addPositionalArgument(QStringLiteral("files"),
                                 QStringLiteral("Projects, models, calibration sets and recipes."),
                                 QStringLiteral("[FILES…]"));
    const QCommandLineOption sample(QStringLiteral("sample"), QStringLiteral("Open a sample with its data."),
                                    QStringLiteral("NAME"));
    const QCommandLineOption run(QStringLiteral("run"), QStringLiteral("Calibrate and quantize at once."));
    const QCommandLineOption recipe(
        QStringLiteral("recipe"), QStringLiteral("Start with the recipe of a file."), QStringLiteral("FILE"));
    const QCommandLineOption screenshot(
        QStringLiteral("screenshot"),
        QStringLiteral("Run everything, write each view as PNG into DIR and end. Settings are left alone."),
        QStringLiteral("DIR"));
    const QCommandLineOption theme(QStringLiteral("theme"), QStringLiteral("light or dark."),
                                   QStringLiteral("THEME"));
    const QCommandLineOption size(QStringLiteral("size"), QStringLiteral("Size of the window, as 1600x1000."),
                                  QStringLiteral("WxH"));
    const QCommandLineOption reopen(QStringLiteral("reopen"),
                                    QStringLiteral("Bring the last session back, also after a crash."));
    parser.addOptions({sample, run, recipe, reopen, screenshot, theme, size});
    parser.process(*QCoreApplication::instance());

    CommandLine line;
    line.files = parser.positionalArguments();
    line.sample = parser.value(sample);
    line.recipe = parser.value(recipe);
    line.reopen = parser.isSet(reopen);
    line.run = parser.isSet(run);
    line.screenshotFolder = parser.value(screenshot);
    if (parser.isSet(theme))
        line.theme = parseTheme(parser.value(theme));
    if (parser.isSet(size))
        line.size = parseSize(parser.value(size));
    return line;
}

} // namespace qs::app
