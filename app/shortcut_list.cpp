#include "app/shortcut_list.h"

#include <QAction>
#include <QDialog>
#include <QDialogButtonBox>
#include <QTextBrowser>
#include <QVBoxLayout>
#include <set>

namespace qs::app {
namespace {

/// Views have the same actions, for copies and figures.
QString shortcutTable(const QWidget &window) {
    std::set<std::pair<QString, QString>> told;
    QString rows;
    for (const QAction *action : window.findChildren<QAction *>()) {
        const QString keys = action->shortcut().toString(QKeySequence::NativeText);
        const QString text = action->text().remove('&');
        if (keys.isEmpty() || text.isEmpty() || !told.emplace(keys, text).second)
            continue;
        rows += QStringLiteral("<tr><td><b>%1</b>&nbsp;&nbsp;&nbsp;</td><td>%2</td></tr>")
                    .arg(keys.toHtmlEscaped(), text.toHtmlEscaped());
    }
    return QStringLiteral("<table>%1</table>").arg(rows);
}

} // namespace

void showShortcuts(QWidget &window) {
    auto *dialog = new QDialog(&window);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setObjectName(QStringLiteral("shortcuts"));
    dialog->setWindowTitle(QDialog::tr("Keyboard shortcuts"));
    auto *text = new QTextBrowser;
    text->setHtml(shortcutTable(window));
    auto *buttons = new QDialogButtonBox(QDialogButtonBox::Close);
    QObject::connect(buttons, &QDialogButtonBox::rejected, dialog, &QDialog::reject);
    auto *layout = new QVBoxLayout(dialog);
    layout->addWidget(text);
    layout->addWidget(buttons);
    dialog->resize(520, qMin(720, window.height() - 80));
    dialog->open();
}

} // namespace qs::app
