#pragma once

#include <QSortFilterProxyModel>

namespace qs::views {

class MethodListModel;

/// The rows of a MethodListModel that match some words and one tag, kind and status each.
class MethodFilter final : public QSortFilterProxyModel {
    Q_OBJECT
public:
    explicit MethodFilter(MethodListModel &methods, QObject *parent = nullptr);

    void setWords(const QString &words);
    /// A cell of this column must hold this text, alone or in a list; empty takes every row.
    void setWanted(int column, const QString &text);
    bool isFiltering() const;
    void clear();

protected:
    bool filterAcceptsRow(int row, const QModelIndex &parent) const override;

private:
    MethodListModel &m_methods;
    std::string m_words;
    std::map<int, QString> m_wanted;
};

} // namespace qs::views
