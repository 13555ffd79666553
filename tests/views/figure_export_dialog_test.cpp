#include "views/shared/figure_export_dialog.h"

#include <QComboBox>
#include <QDoubleSpinBox>
#include <QLineEdit>
#include <QPushButton>
#include <QSignalSpy>
#include <gmock/gmock.h>

namespace qs::views {
namespace {

class FigureExportDialogTest : public testing::Test {
protected:
    QComboBox *boxWith(const QString &entry) {
        for (QComboBox *box : dialog.findChildren<QComboBox *>())
            if (box->findText(entry) >= 0)
                return box;
        return nullptr;
    }
    FigureExportDialog dialog{"roofline", QSize(960, 480), "where it comes from"};
};

TEST_F(FigureExportDialogTest, StartsWithASingleColumnAndTheCaption) {
    const FigureRequest request = dialog.request();
    EXPECT_EQ(request.format, FigureRequest::Format::Svg);
    EXPECT_EQ(request.millimetres, QSizeF(85, 60));
    EXPECT_EQ(request.caption, "where it comes from");
    EXPECT_TRUE(dialog.file().endsWith("roofline.svg"));
}

TEST_F(FigureExportDialogTest, TheNameFollowsTheFormat) {
    boxWith("PDF")->setCurrentIndex(boxWith("PDF")->findText("PNG"));
    EXPECT_EQ(dialog.request().format, FigureRequest::Format::Png);
    EXPECT_TRUE(dialog.file().endsWith("roofline.png"));
}

TEST_F(FigureExportDialogTest, SizesFollowPresetsAndUnits) {
    QComboBox *presets = boxWith("As it is");
    presets->setCurrentIndex(presets->findText("As it is"));
    EXPECT_NEAR(dialog.request().millimetres.width(), 254, 1e-6); // 960 / 96 inch
    EXPECT_NEAR(dialog.request().millimetres.height(), 127, 1e-6);
    QComboBox *unit = boxWith("mm");
    unit->setCurrentIndex(unit->findText("in"));
    EXPECT_NEAR(dialog.request().millimetres.width(), 254, 1e-6);
    QDoubleSpinBox *width = nullptr;
    for (QDoubleSpinBox *box : dialog.findChildren<QDoubleSpinBox *>())
        if (box->accessibleName() == "Width")
            width = box;
    ASSERT_TRUE(width);
    EXPECT_DOUBLE_EQ(width->value(), 10);
    width->setValue(3.5);
    EXPECT_NEAR(dialog.request().millimetres.width(), 88.9, 1e-6);
    EXPECT_EQ(presets->currentText(), "Other");
}

TEST_F(FigureExportDialogTest, ExportAndCopyTell) {
    QSignalSpy exported(&dialog, &FigureExportDialog::exportWanted);
    QSignalSpy copied(&dialog, &FigureExportDialog::copyWanted);
    for (QPushButton *button : dialog.findChildren<QPushButton *>()) {
        if (button->text() == "Export")
            button->click();
        if (button->text() == "Copy")
            button->click();
    }
    EXPECT_EQ(exported.count(), 1);
    EXPECT_EQ(copied.count(), 1);
}

} // namespace
} // namespace qs::views
