#pragma once

#include <QDialog>
#include <functional>
#include <vector>

class QLineEdit;
class QListWidget;

namespace qs::app {

/// Something that the palette can do.
struct PaletteEntry {
    QString title;             ///< "Run: Quantize"
    QString hint;              ///< shortcut, or what it is about
    QString whyNot;            ///< not empty: cannot be done now, and why
    std::function<void()> run; ///< called after the palette has closed
};

/// How well a title answers to what was typed: every word must occur, in any order; -1 = it does not. Words
/// at the beginning of a word of the title count more, so do shorter titles.
int paletteScore(const QString &title, const QString &typed);

/// A list of all commands, layers, runs and views that is searched by typing. Arrows choose, Enter runs,
/// Escape closes.
class CommandPalette : public QDialog {
    Q_OBJECT
public:
    CommandPalette(std::vector<PaletteEntry> entries, QWidget *parent);

    void setText(const QString &typed);
    QStringList shownTitles() const; ///< best first
    /// Runs the chosen entry and closes; an entry that cannot be done now stays, its reason is shown.
    void runChosen();

protected:
    bool eventFilter(QObject *watched, QEvent *event) override;

private:
    void filter();

    std::vector<PaletteEntry> m_entries;
    QLineEdit *m_edit;
    QListWidget *m_list;
};

} // namespace qs::app
