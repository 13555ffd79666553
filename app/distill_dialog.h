#pragma once

#include "core/distill/distillation.h"

#include <QDialog>

class QComboBox;
class QLabel;
class QLineEdit;
class QPushButton;
class QSpinBox;

namespace qs::views {
class WorkbenchContext;
}

namespace qs::app {

/// Asks how calibration images shall be made from the open model, and for their file.
class DistillDialog final : public QDialog {
    Q_OBJECT
public:
    /// \param suggestion  file to write
    DistillDialog(std::shared_ptr<const Model> model, const QString &suggestion, QWidget *parent = nullptr);

    DistillOptions options() const;
    QString file() const;
    /// What is in the way, as a sentence; empty when it can start.
    QString whyNot() const;

private:
    QWidget *makeFile();
    QSpinBox *makeNumber(const QString &name, const QString &toolTip, int largest, int value);
    void browse();
    void check();

    std::shared_ptr<const Model> m_model;
    QComboBox *m_method;
    QSpinBox *m_samples, *m_iterations, *m_seed;
    QLineEdit *m_file;
    QLabel *m_note;
    QPushButton *m_start;
};

/// Opens the dialog for the open model; makes the images as a job and takes them as the calibration set.
void askForDistilledSet(views::WorkbenchContext &context, QWidget *parent);

} // namespace qs::app
