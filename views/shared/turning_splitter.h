#pragma once

#include <QSplitter>

namespace qs::views {

/// A splitter whose parts stand side by side while it is wider than `ratio` times its height, else below each
/// other.
class TurningSplitter final : public QSplitter {
    Q_OBJECT
public:
    /// \param shares  of the parts in either direction, as setSizes() takes them
    TurningSplitter(double ratio, const QList<int> &shares, QWidget *parent = nullptr);

protected:
    void resizeEvent(QResizeEvent *event) override;

private:
    double m_ratio;
    QList<int> m_shares;
    bool m_placed = false; ///< the parts have got their shares once
};

} // namespace qs::views
