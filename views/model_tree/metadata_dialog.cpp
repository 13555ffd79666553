#include "views/model_tree/metadata_dialog.h"

#include "core/graph/model.h"
#include "views/shared/table_tools.h"

#include <QDialogButtonBox>
#include <QHeaderView>
#include <QTableWidget>
#include <QVBoxLayout>

namespace qs::views {

MetadataDialog::MetadataDialog(const Model &model, QWidget *parent) : QDialog(parent) {
    setWindowTitle(tr("Metadata of %1").arg(QString::fromStdString(model.file.filename().string())));
    setAttribute(Qt::WA_DeleteOnClose);
    auto *table = new QTableWidget(static_cast<int>(model.metadata.size()), 3);
    table->setHorizontalHeaderLabels({tr("key"), tr("type"), tr("value")});
    setUpTable(*table, tr("Metadata of the model file"), Qt::DisplayRole);
    for (int row = 0; row < table->rowCount(); ++row) {
        const MetadataEntry &entry = model.metadata[static_cast<std::size_t>(row)];
        for (const auto &[column, text] :
             {std::pair{0, &entry.key}, std::pair{1, &entry.type}, std::pair{2, &entry.value}}) {
            auto *item = new QTableWidgetItem(QString::fromStdString(*text).simplified());
            item->setToolTip(QString::fromStdString(*text).toHtmlEscaped());
            table->setItem(row, column, item);
        }
    }
    table->setEditTriggers(QAbstractItemView::NoEditTriggers);
    table->resizeColumnsToContents();
    table->horizontalHeader()->setStretchLastSection(true);
    auto *buttons = new QDialogButtonBox(QDialogButtonBox::Close);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    auto *layout = new QVBoxLayout(this);
    layout->addWidget(table);
    layout->addWidget(buttons);
    resize(820, 520);
}

} // namespace qs::views
