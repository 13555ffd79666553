#pragma once

#include "core/export/exporter.h"

#include <QDialog>

class QComboBox;
class QLabel;
class QLineEdit;

namespace qs::views {
class SchemaForm;
}

namespace qs::app {

/// Asks for format, its options and the file of an export.
class ExportDialog : public QDialog {
    Q_OBJECT
public:
    /// \param suggestion  path without suffix
    explicit ExportDialog(const QString &suggestion, QWidget *parent = nullptr);

    QString file() const;
    QString exporterId() const;
    nlohmann::json options() const;

private:
    const Exporter &exporter() const;
    void showExporter();
    void browse();
    void checkFile();

    QString m_suggestion;
    QComboBox *m_format = nullptr;
    QLineEdit *m_file = nullptr;
    QLabel *m_note = nullptr;
    views::SchemaForm *m_options = nullptr;
};

} // namespace qs::app
