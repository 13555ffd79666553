#pragma once

#include <QWidget>

class QAbstractItemView;
class QLabel;
class QLineEdit;

namespace qs::views {

/// Finds rows of a table or tree by a regular expression over the texts of all columns. Ctrl+F in the view
/// opens it, Enter and Shift+Enter (or F3) go to the next and previous match, Escape closes it.
class FindBar final : public QWidget {
    Q_OBJECT
public:
    explicit FindBar(QAbstractItemView &view);

    void open();
    /// Makes the next row that matches the current one; false when there is none.
    bool find(bool forwards);

protected:
    void keyPressEvent(QKeyEvent *event) override;

private:
    void search();
    void close();
    /// \param distance  from the current row: 0 looks at that row, too
    bool findFrom(int distance, int step);
    void tell(const QString &note, bool bad);

    QAbstractItemView &m_view;
    QLineEdit *m_text;
    QLabel *m_note;
};

/// The view with a find bar below it, to be put where the view would be.
QWidget *withFindBar(QAbstractItemView &view);

} // namespace qs::views
