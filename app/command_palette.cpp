#include "app/command_palette.h"

#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QTimer>
#include <QVBoxLayout>

namespace qs::app {
namespace {

constexpr int kMostShown = 60; ///< a network has thousands of layers; typing narrows them down

bool beginsWord(const QString &text, qsizetype position) {
    return position == 0 || !text[position - 1].isLetterOrNumber();
}

} // namespace

int paletteScore(const QString &title, const QString &typed) {
    int score = 1000 - static_cast<int>(std::min<qsizetype>(title.size(), 500));
    for (const QString &word : typed.split(' ', Qt::SkipEmptyParts)) {
        qsizetype at = title.indexOf(word, 0, Qt::CaseInsensitive);
        if (at < 0)
            return -1;
        while (at >= 0 && !beginsWord(title, at))
            at = title.indexOf(word, at + 1, Qt::CaseInsensitive);
        score += at >= 0 ? 1000 : 0;
    }
    return score;
}

CommandPalette::CommandPalette(std::vector<PaletteEntry> entries, QWidget *parent)
    : QDialog(parent), m_entries(std::move(entries)), m_edit(new QLineEdit), m_list(new QListWidget) {
    setWindowTitle(tr("Command palette"));
    setObjectName(QStringLiteral("command_palette"));
    m_edit->setPlaceholderText(tr("Type a command, a layer or a run"));
    m_edit->setAccessibleName(tr("Command to search"));
    m_edit->setClearButtonEnabled(true);
    m_list->setAccessibleName(tr("Commands found"));
    m_list->setFocusPolicy(Qt::NoFocus);
    auto *help = new QLabel(tr("↑ ↓ choose · Enter runs · Esc closes"));
    help->setForegroundRole(QPalette::PlaceholderText);
    auto *layout = new QVBoxLayout(this);
    layout->addWidget(m_edit);
    layout->addWidget(m_list);
    layout->addWidget(help);
    resize(640, 420);
    m_edit->installEventFilter(this);
    connect(m_edit, &QLineEdit::textChanged, this, &CommandPalette::filter);
    connect(m_list, &QListWidget::itemClicked, this, &CommandPalette::runChosen);
    filter();
}

void CommandPalette::setText(const QString &typed) {
    m_edit->setText(typed);
}

QStringList CommandPalette::shownTitles() const {
    QStringList titles;
    for (int row = 0; row < m_list->count(); ++row)
        titles << m_entries[m_list->item(row)->data(Qt::UserRole).toUInt()].title;
    return titles;
}

void CommandPalette::filter() {
    std::vector<std::pair<int, std::size_t>> found;
    for (std::size_t i = 0; i < m_entries.size(); ++i)
        if (const int score = paletteScore(m_entries[i].title, m_edit->text()); score >= 0)
            found.emplace_back(m_edit->text().isEmpty() ? 0 : -score, i);
    std::stable_sort(found.begin(), found.end(),
                     [](const auto &a, const auto &b) { return a.first < b.first; });
    m_list->clear();
    for (std::size_t i = 0; i < found.size() && i < kMostShown; ++i) {
        const PaletteEntry &entry = m_entries[found[i].second];
        const QString &hint = entry.whyNot.isEmpty() ? entry.hint : entry.whyNot;
        auto *item = new QListWidgetItem(
            hint.isEmpty() ? entry.title : QStringLiteral("%1    —  %2").arg(entry.title, hint), m_list);
        item->setData(Qt::UserRole, static_cast<uint>(found[i].second));
        item->setToolTip(hint);
        if (!entry.whyNot.isEmpty())
            item->setForeground(palette().placeholderText());
    }
    if (found.empty()) {
        auto *none = new QListWidgetItem(tr("Nothing is called that."), m_list);
        none->setFlags(Qt::NoItemFlags);
    }
    m_list->setCurrentRow(0);
}

void CommandPalette::runChosen() {
    const QListWidgetItem *item = m_list->currentItem();
    if (item == nullptr || !item->data(Qt::UserRole).isValid())
        return;
    const PaletteEntry &entry = m_entries[item->data(Qt::UserRole).toUInt()];
    if (!entry.whyNot.isEmpty())
        return;
    // The focus must be back where it was before a command looks at it.
    QTimer::singleShot(0, parent(), entry.run);
    accept();
}

bool CommandPalette::eventFilter(QObject *watched, QEvent *event) {
    if (watched != m_edit || event->type() != QEvent::KeyPress)
        return QDialog::eventFilter(watched, event);
    const auto *key = dynamic_cast<QKeyEvent *>(event);
    const int last = m_list->count() - 1;
    const int step = key->key() == Qt::Key_Down       ? 1
                     : key->key() == Qt::Key_Up       ? -1
                     : key->key() == Qt::Key_PageDown ? 8
                     : key->key() == Qt::Key_PageUp   ? -8
                                                      : 0;
    if (step != 0) {
        m_list->setCurrentRow(std::clamp(m_list->currentRow() + step, 0, std::max(0, last)));
        return true;
    }
    if (key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter) {
        runChosen();
        return true;
    }
    return QDialog::eventFilter(watched, event);
}

} // namespace qs::app
