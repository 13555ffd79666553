#include "views/method_catalogue/method_page.h"

#include "core/quant/method_taxonomy.h"
#include "core/quant/method_text.h"
#include "views/method_catalogue/method_list_model.h"

#include <QCoreApplication>

namespace qs::views {
namespace {

QString tr(const char *text) {
    return QCoreApplication::translate("qs::views::MethodCatalogueDock", text);
}

QString html(const std::string &text) {
    return QString::fromStdString(text).toHtmlEscaped();
}

QString factRow(const QString &question, const QString &answer) {
    return QStringLiteral("<tr><td style='padding-right:12px'><b>%1</b></td><td>%2</td></tr>")
        .arg(question, answer);
}

QString parameterRows(const ParameterSchema &schema) {
    QString rows;
    for (const Parameter &parameter : schema.parameters()) {
        const std::string &text = parameter.description.empty() ? parameter.title : parameter.description;
        rows += QStringLiteral("<tr><td style='padding-right:12px'><code>%1</code></td>"
                               "<td style='padding-right:12px'>%2</td><td style='padding-right:12px'>%3</td>"
                               "<td>%4</td></tr>")
                    .arg(html(parameter.name), html(parameter.defaultValue.dump()),
                         html(parameterLimits(parameter)), html(text));
    }
    return rows;
}

/// What the tags mean, for those that answer a question.
QString tagMeanings(const MethodInfo &info) {
    QString rows;
    for (const TaxonomyTerm &term : taxonomyTerms())
        if (std::find(info.tags.begin(), info.tags.end(), term.tag) != info.tags.end())
            rows += factRow(html(term.tag), html(term.meaning));
    return rows.isEmpty() ? rows : QStringLiteral("<h4>%1</h4><table>%2</table>").arg(tr("Tags"), rows);
}

} // namespace

QString methodPage(const MethodInfo &info, const ParameterSchema &schema) {
    QString page = QStringLiteral("<h3>%1 &nbsp;<code>%2</code></h3><p><b>%3</b></p><p>%4</p>")
                       .arg(html(info.name), html(info.id), statusBadge(info.status).toHtmlEscaped(),
                            html(info.summary));
    page += QStringLiteral("<table>");
    for (const auto &[question, answer] : methodFacts(info))
        page += factRow(html(question), html(answer));
    page += QStringLiteral("</table>") + tagMeanings(info);
    if (schema.parameters().empty())
        return page + QStringLiteral("<p>%1</p>").arg(tr("No parameters."));
    return page +
           QStringLiteral("<h4>%1</h4><table><tr><td><b>%2</b></td><td><b>%3</b></td><td><b>%4</b></td>"
                          "<td><b>%5</b></td></tr>%6</table>")
               .arg(tr("Parameters"), tr("name"), tr("default"), tr("allowed"), tr("meaning"),
                    parameterRows(schema));
}

} // namespace qs::views
