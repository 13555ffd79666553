#include "views/shared/find_expression.h"

#include <QCoreApplication>

namespace qs::views {

FindExpression findExpression(const QString &text) {
    FindExpression expression{QRegularExpression(text, QRegularExpression::CaseInsensitiveOption), {}};
    if (!expression.regex.isValid())
        expression.error =
            QCoreApplication::translate("FindExpression", "Not a regular expression: %1, at character %2")
                .arg(expression.regex.errorString())
                .arg(expression.regex.patternErrorOffset() + 1);
    return expression;
}

} // namespace qs::views
