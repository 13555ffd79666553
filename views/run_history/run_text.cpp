#include "views/run_history/run_text.h"

#include "core/session/run_comparison.h"

#include <QCoreApplication>
#include <QStringList>

namespace qs::views {
namespace {

using Facts = std::vector<std::pair<QString, QString>>;

QString tr(const char *text) {
    return QCoreApplication::translate("qs::views::RunHistory", text);
}
QString fromUtf8(const std::string &text) {
    return QString::fromStdString(text);
}

QString source(const std::string &file, const std::string &sha256, std::int64_t samples) {
    if (file.empty())
        return tr("none");
    QString text = tr("%1, SHA-256 %2").arg(fromUtf8(file), fromUtf8(sha256));
    return samples > 0 ? tr("%1, %2 samples").arg(text).arg(samples) : text;
}

Facts provenanceFacts(const Run &run) {
    const Provenance &from = run.provenance;
    QStringList methods;
    for (const auto &[method, version] : from.methodVersions)
        methods << fromUtf8(method + " " + version);
    return {
        {tr("Model"), source(from.modelFile, from.modelSha256, 0)},
        {tr("Codes"),
         from.codesSha256.empty() ? tr("made here") : source(from.codesFile, from.codesSha256, 0)},
        {tr("Calibration"), source(from.calibrationFile, from.calibrationSha256, from.calibrationSamples)},
        {tr("Evaluation"), source(from.evaluationFile, from.evaluationSha256, from.evaluationSamples)},
        {tr("Seed"), QString::number(from.seed)},
        {tr("Methods"), methods.isEmpty() ? tr("none") : methods.join(QStringLiteral(", "))},
        {tr("Program"), fromUtf8(from.program)}};
}

QString tableOf(const Facts &facts) {
    QString html = QStringLiteral("<table cellspacing=0 cellpadding=2>");
    for (const auto &[name, value] : facts)
        html += QStringLiteral("<tr><td><b>%1</b>&nbsp;&nbsp;</td><td>%2</td></tr>")
                    .arg(name, value.toHtmlEscaped());
    return html + QStringLiteral("</table>");
}

QString changes(const RunEntry &entry, const RunEntry &parent) {
    const Recipe recipes[] = {parent.run->recipe, entry.run->recipe};
    Facts facts;
    for (const RecipeDifference &difference : diffRecipes(recipes))
        facts.emplace_back(
            fromUtf8(difference.path),
            QStringLiteral("%1 → %2").arg(fromUtf8(difference.values[0]), fromUtf8(difference.values[1])));
    return facts.empty() ? tr("Nothing but its name.") : tableOf(facts);
}

} // namespace

QString runDetails(const RunEntry &entry, const RunEntry *parent) {
    QString html = QStringLiteral("<h4>%1</h4>").arg(fromUtf8(entry.title()).toHtmlEscaped());
    if (parent)
        html += QStringLiteral("<p><b>%1</b></p>%2")
                    .arg(tr("Changed against %1").arg(fromUtf8(parent->title()).toHtmlEscaped()),
                         changes(entry, *parent));
    return html + QStringLiteral("<p><b>%1</b></p>%2")
                      .arg(tr("Where its numbers come from"), tableOf(provenanceFacts(*entry.run)));
}

QString provenanceText(const Run &run) {
    QStringList lines{tr("Run\t%1").arg(fromUtf8(run.name))};
    for (const auto &[name, value] : provenanceFacts(run))
        lines << name + '\t' + value;
    return lines.join('\n');
}

} // namespace qs::views
