#pragma once

#include "core/graph/model.h"

#include <QWidget>

class QLabel;
class QLineEdit;

namespace qs::views {

/// Which layers a rule or a transform is for: a regular expression, and how many layers it matches.
class PatternField final : public QWidget {
    Q_OBJECT
public:
    explicit PatternField(const QString &toolTip, QWidget *parent = nullptr);

    /// Does not emit edited().
    void setPattern(const std::string &pattern);
    /// The last text that was a regular expression.
    const std::string &pattern() const { return m_valid; }
    /// Tells how many layers match. Model may be null. \return those layers
    std::vector<const Layer *> showMatches(const Model *model);

signals:
    void edited();

private:
    void take(const QString &pattern);

    QLineEdit *m_pattern = nullptr;
    QLabel *m_matches = nullptr;
    std::string m_valid;
    bool m_showing = false;
};

} // namespace qs::views
