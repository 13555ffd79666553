#include "views/method_bench/settings_page.h"

#include "core/session/run_comparison.h"
#include "views/shared/table_tools.h"

#include <QStandardItemModel>
#include <QTableView>
#include <QVBoxLayout>

namespace qs::views {

SettingsPage::SettingsPage(WorkbenchContext &context)
    : BenchPage(context), m_settings(new QStandardItemModel(this)) {
    auto *table = new QTableView;
    table->setModel(m_settings);
    setUpTable(*table, tr("Settings that differ"), Qt::DisplayRole);
    keepColumnsCompact(*table);
    makeColumn()->addWidget(table);
}

void SettingsPage::refresh() {
    m_settings->clear();
    QStringList header{tr("Setting")};
    std::vector<Recipe> recipes;
    for (const RunEntry &entry : context().runs().compared()) {
        header << QString::fromStdString(entry.title());
        recipes.push_back(entry.run->recipe);
    }
    m_settings->setHorizontalHeaderLabels(header);
    for (const RecipeDifference &difference : diffRecipes(recipes)) {
        QList<QStandardItem *> row{new QStandardItem(QString::fromStdString(difference.path))};
        for (const std::string &value : difference.values)
            row << new QStandardItem(QString::fromStdString(value));
        m_settings->appendRow(row);
    }
}

} // namespace qs::views
