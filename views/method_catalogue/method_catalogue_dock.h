#pragma once

#include "views/shared/view_dock.h"

class QComboBox;
class QLabel;
class QLineEdit;
class QPushButton;
class QTableView;
class QTextBrowser;

namespace qs::views {

class MethodFilter;
class MethodListModel;

/// The library of methods: a list to search and filter, a page about the chosen one, and its way into the
/// recipe.
class MethodCatalogueDock final : public ViewDock {
    Q_OBJECT
public:
    explicit MethodCatalogueDock(WorkbenchContext &context);

private:
    QWidget *makeBar();
    QWidget *makeList();
    QWidget *makeDetails();
    /// A choice of one text of a column. \param all  what the entry for every row is called
    QComboBox *addFilter(int column, const QString &all, const QStringList &texts);
    void clearFilters();
    void updateStatus();
    void showMethod();
    void useInRecipe();
    const MethodInfo *chosen() const;

    MethodListModel *m_model;
    MethodFilter *m_filter;
    QTableView *m_table;
    QTextBrowser *m_page;
    QLineEdit *m_words;
    std::vector<QComboBox *> m_choices;
    QPushButton *m_use;
    QLabel *m_status;
};

} // namespace qs::views
