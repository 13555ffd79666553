#pragma once

#include <QRegularExpression>

namespace qs::views {

/// What the user looks for: a regular expression; upper and lower case are the same.
struct FindExpression {
    QRegularExpression regex;
    QString error; ///< why the text is none; empty when it is
};
FindExpression findExpression(const QString &text);

} // namespace qs::views
