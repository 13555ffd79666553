#include "views/method_catalogue/method_filter.h"

#include "core/quant/method_text.h"
#include "views/method_catalogue/method_list_model.h"

namespace qs::views {

MethodFilter::MethodFilter(MethodListModel &methods, QObject *parent)
    : QSortFilterProxyModel(parent), m_methods(methods) {
    setSourceModel(&methods);
    setSortCaseSensitivity(Qt::CaseInsensitive);
}

void MethodFilter::setWords(const QString &words) {
    m_words = words.toStdString();
    invalidateFilter();
}

void MethodFilter::setWanted(int column, const QString &text) {
    m_wanted[column] = text;
    invalidateFilter();
}

bool MethodFilter::isFiltering() const {
    return !m_words.empty() || std::any_of(m_wanted.begin(), m_wanted.end(),
                                           [](const auto &entry) { return !entry.second.isEmpty(); });
}

void MethodFilter::clear() {
    m_words.clear();
    m_wanted.clear();
    invalidateFilter();
}

bool MethodFilter::filterAcceptsRow(int row, const QModelIndex &parent) const {
    const auto isWanted = [&](const auto &entry) {
        const QString cell = m_methods.index(row, entry.first, parent).data().toString();
        return entry.second.isEmpty() || cell == entry.second ||
               cell.split(QStringLiteral(", ")).contains(entry.second);
    };
    return matchesMethod(m_methods.info(row), m_words) &&
           std::all_of(m_wanted.begin(), m_wanted.end(), isWanted);
}

} // namespace qs::views
