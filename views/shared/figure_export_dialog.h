#pragma once

#include "views/shared/figure_source.h"

#include <QDialog>

class QCheckBox;
class QComboBox;
class QDoubleSpinBox;
class QLabel;
class QLineEdit;
class QPlainTextEdit;
class QPushButton;
class QSpinBox;

namespace qs::views {

/// How and where a figure is written: format, physical size, resolution, background and caption. What was
/// chosen is suggested the next time.
class FigureExportDialog final : public QDialog {
    Q_OBJECT
public:
    /// \param name  of the file, without suffix;  \param natural  FigureSource::figureSize()
    /// \param caption  the suggestion
    FigureExportDialog(const QString &name, QSize natural, const QString &caption, QWidget *parent = nullptr);

    /// Suggests the natural size instead of the last one.
    void suggestNaturalSize();
    FigureRequest request() const;
    QString file() const;

signals:
    void exportWanted();
    void copyWanted();

private:
    void addRows(const QString &caption);
    QWidget *makeSizeRow();
    QWidget *makeFileRow();
    void restore();
    void remember() const;
    void choosePreset(int index);
    void showSize(QSizeF millimetres);
    void changeUnit();
    void updateState();
    void browse();
    FigureRequest::Format format() const;
    QString suffix() const;
    double perUnit() const; ///< millimetres

    QString m_name, m_folder;
    QSizeF m_natural; ///< millimetres
    QComboBox *m_format, *m_preset, *m_unit, *m_background;
    QDoubleSpinBox *m_width, *m_height, *m_points;
    QSpinBox *m_dpi;
    QCheckBox *m_hasCaption;
    QPlainTextEdit *m_caption;
    QLineEdit *m_file;
    QLabel *m_note;
    QPushButton *m_copy = nullptr;
    double m_millimetresPerUnit = 1; ///< of the numbers that are shown
    bool m_fitting = false;          ///< the size fields follow a preset
};

/// What the dialog would start with: for copying without asking.
FigureRequest rememberedFigureRequest();

} // namespace qs::views
