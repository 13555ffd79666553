#pragma once

#include <QDialog>
#include <filesystem>
#include <functional>

class QLabel;
class QLineEdit;
class QPushButton;

namespace qs::views {
class WorkbenchContext;
}

namespace qs::app {

/// Asks which model the weights of the open one are compared with, and for the small file that keeps the
/// pair.
class DifferenceDialog final : public QDialog {
    Q_OBJECT
public:
    DifferenceDialog(std::filesystem::path tuned, const QString &suggestion, QWidget *parent = nullptr);

    QString base() const;
    QString file() const;
    /// What is in the way, as a sentence; empty when it can start.
    QString whyNot() const;

private:
    QWidget *makeRow(QLineEdit *edit, const QString &name, const QString &toolTip,
                     const std::vector<std::pair<QString, std::function<QString()>>> &buttons);
    void check();

    std::filesystem::path m_tuned;
    QLineEdit *m_base, *m_file;
    QLabel *m_note;
    QPushButton *m_start = nullptr;
};

/// Why the open model cannot be compared; empty when it can.
QString whyNoDifference(const views::WorkbenchContext &context);
/// Opens the dialog; writes the file as a job and hands it to `open`.
void askForDifference(views::WorkbenchContext &context, QWidget *parent,
                      std::function<void(const QString &)> open);

} // namespace qs::app
